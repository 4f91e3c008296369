"""Networks: plain torch modules and the attention kernels under them. No file, no configuration is read here."""
