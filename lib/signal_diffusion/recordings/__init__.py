"""Raw files to named, calibrated channels: formats, channel sets, a module per dataset, the simulation."""
