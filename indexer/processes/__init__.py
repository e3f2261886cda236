"""Child processes that the indexer starts, asks and ends: decoder workers and encoder processes are built on them."""
