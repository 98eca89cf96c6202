"""Generated requests against the whole API, drawn from its OpenAPI description."""
