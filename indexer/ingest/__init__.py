"""What a scan is made of: the walk, what is known of each file, and how it enters the catalog."""
