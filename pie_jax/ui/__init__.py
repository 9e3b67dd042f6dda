"""The editor in the browser: `pie ui`. A file a panel; `page` puts them together."""
