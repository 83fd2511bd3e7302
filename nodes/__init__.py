"""The nodes of the pack, one file each, and the folders they stand on."""
