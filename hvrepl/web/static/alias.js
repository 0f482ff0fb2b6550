// A further name leads to the page of its thing, with what the link has after #.

const { href } = document.querySelector("link[rel=canonical]");
location.replace(href + location.hash);
