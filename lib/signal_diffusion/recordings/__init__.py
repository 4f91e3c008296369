"""Raw files to named, calibrated channels: formats, channel sets, one module per dataset, and the simulation."""
