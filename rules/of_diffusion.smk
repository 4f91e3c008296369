# What the rules ask of diffusion runs: what conditions, compresses and judges them.

SUPPORT_SCRIPTS = {
    "text-encoders": "build_text_encoders",
    "feature-encoder": "train_encoder",
    "vae": "train_vae",
}


def support_script(wildcards):
    return SUPPORT_SCRIPTS[run("support", wildcards.run).kind]


@once
def text_encoder(name):
    """The text encoders of a diffusion run: as inputs (none for a hub id or folder), and as an argument."""
    wanted = run("diffusion", name).model
    if wanted.conditioning != "caption":
        return [], None
    pretrained = wanted.pretrained or settings().hf_models.stable_diffusion_model_id
    encoder = wanted.extras.text_encoder or pretrained
    folder = f"results/support/{encoder}"
    return ([folder], folder) if configuration.support_path(encoder) else ([], encoder)


def trained_encoder(name):
    """The text encoders of a diffusion run that trains them, as inputs and as an argument."""
    trained = getattr(run("diffusion", name).model.extras, "train_text_encoder", False)
    return text_encoder(name) if trained else ([], None)


def captions_of(name):
    conditional = run("diffusion", name).model.conditioning == "caption"
    return [WORK / f"diffusion/{name}/captions.safetensors"] if conditional else []


@once
def vae(name):
    """The VAE of a diffusion run in latent space: as inputs (none for a hub id or folder), and as an argument."""
    wanted = run("diffusion", name).model
    if not wanted.extras.latent_space:
        return [], None
    source = wanted.extras.vae or of_pretrained(wanted) or settings().hf_models.stable_diffusion_model_id
    folder = f"results/support/{source}"
    return ([folder], folder) if configuration.support_path(source) else ([], source)


def of_pretrained(wanted):
    """The weights that a run starts from, with their revision."""
    return f"{wanted.pretrained}@{wanted.revision}" if wanted.revision else wanted.pretrained


def latents_of(name):
    return [WORK / f"diffusion/{name}/latents"] if vae(name)[1] else []


def view_values(name):
    """How a time series becomes the decibels that are judged; images are that already."""
    wanted = run("diffusion", name)
    series = configuration.representation(wanted) == "timeseries"
    return values_param(recipe(source(wanted.dataset.name)), "shards") if series else ""


def encoder_of(name):
    encoder = run("diffusion", name).evaluation.encoder
    return [f"results/support/{encoder}"] if encoder else []


def model_modules(name):
    return (model_module(run("diffusion", name).model.name),)
