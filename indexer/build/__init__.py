"""The parts of a build: what SQL says, which clips make which track, vectors, indexes, goldens, the manifest."""
