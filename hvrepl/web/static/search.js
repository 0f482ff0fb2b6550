// Search as one types; see hits below the box.
