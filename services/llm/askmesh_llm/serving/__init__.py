"""Between the routes and the engine: admission, deadlines, metrics and event streams."""
