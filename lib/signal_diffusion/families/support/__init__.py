"""Small models that other runs need: the text encoders of a demo, and an encoder of images for evaluation."""
