"""What a nightly run is made of: its configuration, its steps, and what it says of itself."""
