// Browsers run no modules of a page that was opened as a file, and its links lead to folders. Not a module, so that it can say so.

if (location.protocol === "file:") {
  const said = document.createElement("p");
  said.id = "from-a-file";
  said.textContent = "This page was opened as a file, but it needs a web server, such as python3 -m http.server in the folder of the site.";
  document.querySelector("header").append(said);
}
