"""Program 1, the indexer: from audio files to a published generation."""
