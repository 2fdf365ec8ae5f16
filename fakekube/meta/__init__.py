"""Names, objects, selectors and errors: the words every room shares. Knows no storage, no transport, no clock."""
