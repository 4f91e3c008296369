"""Pretrained Stable Diffusion: read, tuned whole or by adapters, resumed, published, and opened by diffusers alone."""

import ast
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from safetensors.torch import save_file
from signal_diffusion.config import load_run
from signal_diffusion.datasets.storage import Windows
from signal_diffusion.datasets.views import DecibelView
from signal_diffusion.diffusion.noise import sample_noise
from signal_diffusion.errors import UserError
from signal_diffusion.families.diffusion.baking import opens_in_diffusers
from signal_diffusion.families.diffusion.generate import SYNTHETIC, generate_run, load_denoiser
from signal_diffusion.families.diffusion.latents import LatentSpace
from signal_diffusion.families.diffusion.pipeline import Pipeline
from signal_diffusion.families.diffusion.pretrained import pretrained_arguments
from signal_diffusion.families.diffusion.prompts import PromptEncoder, Towers
from signal_diffusion.families.diffusion.publish import publish_model, usage
from signal_diffusion.families.diffusion.summary import described_run
from signal_diffusion.families.diffusion.train import train_run
from signal_diffusion.training.weights import load_plain, load_weights

from .released import Released
from .test_matrix import interrupt_at_once, same_tensors
from .world import SAID, World

MODELS = ("stable-diffusion", "stable-diffusion-35")
# Whether adapters train, text encoders do, and all starts from the seed.
WAYS = {
    "whole": (False, False, False),
    "lora": (True, False, False),
    "lora-text": (True, True, False),
    "text": (False, True, False),
    "scratch": (False, False, True),
}


# The way of each that the default run takes; the others take minutes together.
USUAL = {"stable-diffusion": "lora-text", "stable-diffusion-35": "lora"}
EACH = [
    pytest.param(model, way, marks=() if USUAL[model] == way else pytest.mark.slow)
    for model in MODELS
    for way in WAYS
]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    before, root = os.getcwd(), tmp_path_factory.mktemp("world")
    os.chdir(root)
    world = World(root)
    yield {model: Released(world, model) for model in MODELS}
    os.chdir(before)


def finished(models, model: str, way: str, monkeypatch=None):
    """A run that was trained, and trained again with an interruption; its folder, published."""
    released, name = models[model], f"{model}-{way}"
    run = released.run(name, *WAYS[way])
    read, folder = released.read_by(run), released.world.root / "runs" / name
    whole, broken = folder / "whole.safetensors", folder / "broken.safetensors"
    if (folder / "model").is_dir():
        return run, read, folder
    train_run(run, out=whole, checkpoints=folder / "whole", **read)
    if monkeypatch is not None:
        with monkeypatch.context() as patch:
            interrupt_at_once(patch)
            with pytest.raises(SystemExit):
                train_run(run, out=broken, checkpoints=folder / "broken", **read)
        train_run(run, out=broken, checkpoints=folder / "broken", **read)
        assert same_tensors(whole, broken)
    generate_run(run, whole, out=folder / "synthetic", **read)
    publish_model(run, read["dataset"], str(released.folder), whole, folder / "model", released.folder)
    return run, read, folder


@pytest.mark.parametrize(("model", "way"), EACH)
def test_pretrained_weights_are_tuned_resumed_published_and_loaded(models, model, way, monkeypatch):
    run, read, folder = finished(models, model, way, monkeypatch)
    windows = Windows(folder / "synthetic", SYNTHETIC)
    prompts = windows.metadata["text"].tolist()
    again = Pipeline.from_pretrained(folder).generate(prompts, n=4, seed=run.generation.seed).images
    drawn = windows.array(range(4))
    assert drawn.std() > 0 and np.abs(again.astype(int) - drawn).max() <= 1
    assert (folder / "model/lora/pytorch_lora_weights.safetensors").is_file() == WAYS[way][0]
    denoiser, _, _ = load_denoiser(folder / "model/model.safetensors")
    assert described_run(folder)["parameters"] == sum(p.numel() for p in denoiser.parameters())


@pytest.mark.parametrize(("text", "anew"), [(True, True), (False, False)])
def test_text_encoders_that_train_from_other_weights_start_anew(models, tmp_path, monkeypatch, text, anew):
    """Their weights stand in no file that training reads but their own; frozen ones are not read at all."""
    released, identities = models[MODELS[0]], []
    run = released.run(f"encoder-{text}", text=text)
    read = released.read_by(run) | {"encoder": tmp_path / "encoder"}
    shutil.copytree(released.folder, read["encoder"])

    def stop(task, plan, folder, identity, log):
        identities.append(identity)
        raise SystemExit

    monkeypatch.setattr("signal_diffusion.families.diffusion.train.train", stop)
    for _ in range(3):
        with pytest.raises(SystemExit):
            train_run(run, out=tmp_path / "m.safetensors", checkpoints=tmp_path / "c", **read)
        if len(identities) == 2:
            path = read["encoder"] / "text_encoder/model.safetensors"
            save_file({name: -value for name, value in load_plain(path).items()}, path, {"format": "pt"})
    assert identities[0] == identities[1] and (identities[2] != identities[1]) == anew


@pytest.mark.parametrize("model", [pytest.param(MODELS[0], marks=pytest.mark.slow), MODELS[1]])
def test_only_what_should_train_does(models, model):
    """Adapters leave the released weights as they are, and text encoders stay out of the model unless they train."""
    _, _, folder = finished(models, model, "lora")
    state, _ = load_weights(folder / "whole.safetensors")
    part = {"stable-diffusion": "unet", "stable-diffusion-35": "transformer"}[model]
    given = load_plain(models[model].folder / part / "diffusion_pytorch_model.safetensors")
    named = {
        name.removeprefix("network.inner.").replace(".base_layer.", "."): value
        for name, value in state.items()
        if name.startswith("network.inner.") and ".lora_" not in name
    }
    assert named.keys() == given.keys() and all(torch.equal(named[name], given[name]) for name in given)
    adapters = [value for name, value in state.items() if ".lora_B." in name]
    assert adapters and all(value.any() for value in adapters if value.numel() and value.shape[1] == 2)
    assert not [name for name in state if name.startswith("conditioner")]


@pytest.mark.parametrize("model", MODELS)
def test_the_null_condition_is_the_empty_caption(models, model):
    _, _, folder = finished(models, model, USUAL[model])
    denoiser, _, _ = load_denoiser(folder / "model" / "model.safetensors")
    pipeline = Pipeline.from_pretrained(folder)
    empty = pipeline._embedded([""])
    torch.testing.assert_close(denoiser.network.prompt.null, empty[0], rtol=1e-5, atol=1e-6)
    z, time = torch.randn(2, *denoiser.mean.shape), torch.tensor([0.3, 0.7])
    told = pipeline._embedded(SAID[1:])
    with torch.no_grad():
        dropped = denoiser(z, time, told, torch.tensor([True, True]))
        given = denoiser(z, time, empty.expand(2, -1))
    torch.testing.assert_close(dropped, given, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("lengths", "key"), [((2, 3, 3), "text_tokens"), ((3, 3, 2), "t5_tokens")])
def test_a_caption_too_long_names_the_key_of_the_encoder_that_is_too_short(lengths, key):
    def tokenizer(captions, **_):
        return {"input_ids": [[0, 1, 2] for _ in captions]}

    towers = Towers("clips-t5", [torch.nn.Identity()] * 3, lengths)
    with pytest.raises(UserError, match=f"3 tokens, 2 are read; .* raise model.extras.{key}$"):
        PromptEncoder(towers, [tokenizer] * 3).ids(["at rest"])


def test_captions_are_encoded_wherever_the_process_is_then(models, tmp_path, monkeypatch):
    _, _, folder = finished(models, MODELS[0], USUAL[MODELS[0]])
    monkeypatch.chdir(folder)
    pipeline = Pipeline.from_pretrained("model")
    monkeypatch.chdir(tmp_path)
    assert pipeline(SAID[1]).images.shape == (1, 1, 16, 16)


PLAIN = """
import sys, numpy, torch
sys.modules["signal_diffusion"] = None  # not to be imported, wherever it is installed
from diffusers import StableDiffusionPipeline, StableDiffusion3Pipeline
folder, three = sys.argv[1], sys.argv[2] == "stable-diffusion-35"
none = {"text_encoder_3": None, "tokenizer_3": None} if three else {}
kind = StableDiffusion3Pipeline if three else StableDiffusionPipeline
pipeline = kind.from_pretrained(folder, **none)
latents = torch.from_numpy(numpy.load("noise.npy"))
more = {"sigmas": [1.0, 0.5], "max_sequence_length": 4} if three else {"num_inference_steps": 2}
made = pipeline("a subject at rest", num_images_per_prompt=2, guidance_scale=2.0, latents=latents, height=16, width=16,
                output_type="np", **more).images
numpy.save("plain.npy", made)
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("model", MODELS)
def test_plain_diffusers_opens_it_and_generates_the_same(models, model, way, tmp_path):
    run, _, folder = finished(models, model, way)
    np.save(tmp_path / "noise.npy", sample_noise(3, range(2), (2, 8, 8)).numpy())
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", PLAIN, str(folder / "model"), model]
    subprocess.run(command, cwd=tmp_path, env={**environment, "OMP_NUM_THREADS": "1"}, check=True)
    plain = np.load(tmp_path / "plain.npy")
    ours = Pipeline.from_pretrained(folder)("a subject at rest", num_images_per_prompt=2, seed=3).images[:, 0]
    inside = ((plain > 0) & (plain < 1)).all(
        -1
    )  # the others are clipped before the mean of three, not after it
    assert inside.mean() > 0.8 and ours[inside].std() > 1
    assert np.abs(plain.mean(-1)[inside] * 255 - ours[inside]).max() <= 1


@pytest.mark.parametrize(("bias", "loads"), [("none", True), ("lora_only", False)])
def test_adapters_lie_apart_where_diffusers_takes_them(models, tmp_path, bias, loads):
    """On the released weights they make what the merged weights are; with biases that train they cannot."""
    released = models[MODELS[0]]
    run = released.run(f"bias-{bias}", lora=True)
    run.path.write_text(run.path.read_text().replace("rank = 2", f'rank = 2\nbias = "{bias}"'))
    run, whole = load_run(run.path), tmp_path / "whole.safetensors"
    read = released.read_by(run)
    train_run(run, out=whole, checkpoints=tmp_path / "checkpoints", **read)
    publish_model(run, read["dataset"], str(released.folder), whole, tmp_path / "model", released.folder)
    assert (tmp_path / "model/lora").is_dir() == loads
    if loads:
        plain = StableDiffusionPipeline.from_pretrained(released.folder)
        plain.load_lora_weights(tmp_path / "model/lora")
        plain.fuse_lora()
        plain.unload_lora_weights()
        merged = load_plain(tmp_path / "model/unet/diffusion_pytorch_model.safetensors")
        torch.testing.assert_close(plain.unet.state_dict(), merged, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("shift", "plain"), [(0.2, False), (None, True)])
def test_a_vae_whose_shift_has_no_place_is_published_for_the_pipeline_alone(models, tmp_path, shift, plain):
    """Stable Diffusion 3's has a shift and no convolutions that could take it for Stable Diffusion 1's pipeline."""
    run, read, folder = finished(models, MODELS[0], USUAL[MODELS[0]])
    config = LatentSpace.load(models[MODELS[0]].folder, 1).vae.config
    unlike = {"shift_factor": shift, "use_quant_conv": False, "use_post_quant_conv": False}
    AutoencoderKL.from_config({**config, **unlike}).save_pretrained(tmp_path / "vae")
    encoder = str(models[MODELS[0]].folder)
    publish_model(
        run, read["dataset"], encoder, folder / "whole.safetensors", tmp_path / "model", tmp_path / "vae"
    )
    assert (tmp_path / "model/model_index.json").is_file() == plain
    made = Pipeline.from_pretrained(tmp_path)("a subject at rest", seed=3).images
    assert made.shape == (1, 1, 16, 16)


def test_a_vae_without_a_shift_suits_the_third_version(models, tmp_path):
    """Its pipeline adds the shift, which must be a number."""
    released = models[MODELS[1]]
    run, read, folder = finished(models, MODELS[1], USUAL[MODELS[1]])
    vae = AutoencoderKL.from_config({**LatentSpace.load(released.folder, 1).vae.config, "shift_factor": None})
    vae.save_pretrained(tmp_path / "vae")
    whole = folder / "whole.safetensors"
    publish_model(run, read["dataset"], str(released.folder), whole, tmp_path / "model", tmp_path / "vae")
    assert AutoencoderKL.from_pretrained(tmp_path / "model/vae").config.shift_factor == 0


@pytest.mark.parametrize("model", MODELS)
def test_plain_diffusers_fills_up_the_words_of_one_version_alone(models, model):
    run, read, folder = finished(models, model, USUAL[model])
    denoiser, _, _ = load_denoiser(folder / "model/model.safetensors")
    space = LatentSpace.load(models[model].folder, 1)
    assert opens_in_diffusers(run, denoiser, space)
    denoiser.network.prompt.width += 1
    assert opens_in_diffusers(run, denoiser, space) == (model == "stable-diffusion-35")


@pytest.mark.parametrize("model", MODELS)
def test_what_is_not_there_ends_in_one_line(models, model, tmp_path, monkeypatch):
    # Asked over a network that is down, the hub's client tries for 20 s before it says the same.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    released = models[model]
    run = released.run(f"{model}-absent")
    text = run.path.read_text()
    read = released.read_by(run)
    for absent in ("no-such-owner/no-such-model", str(tmp_path)):
        run.path.write_text(text.replace(str(released.folder), absent))
        with pytest.raises(
            UserError, match=r"\[model\] pretrained: .* give the folder of a diffusers"
        ) as caught:
            train_run(load_run(run.path), out=tmp_path / "m.safetensors", checkpoints=tmp_path / "c", **read)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("model", MODELS)
def test_weights_that_do_not_fit_are_refused(models, model):
    run = models[model].run(f"{model}-unfit")
    text = {"blocks": [[3, 99]], "pooled": 0}
    with pytest.raises(UserError, match="reads 2 channels, the latents have 4; name the VAE"):
        pretrained_arguments(run, (4, 8, 8), 0, None)
    with pytest.raises(UserError, match="reads words of .*, the text encoders give words of 99"):
        pretrained_arguments(run, (2, 8, 8), 0, text)
    if model == "stable-diffusion-35":
        with pytest.raises(UserError, match="knows places of 16 x 16 latents, these are 18"):
            pretrained_arguments(run, (2, 16, 18), 0, None)


@pytest.mark.parametrize("model", MODELS)
def test_the_card_says_how_diffusers_opens_it(models, model):
    run, read, folder = finished(models, model, USUAL[model])
    view = DecibelView.of(read["dataset"], None)
    code = usage(run, read["dataset"], view, "results/diffusion/mine", folder / "model")
    compile(code, "usage", "exec")
    kind = {"stable-diffusion": "StableDiffusionPipeline", "stable-diffusion-35": "StableDiffusion3Pipeline"}[
        model
    ]
    assert f'{kind}.from_pretrained("results/diffusion/mine/model"' in code
    assert "from diffusers" not in usage(run, read["dataset"], view, "results/diffusion/mine", folder)


def test_the_card_quotes_captions_that_hold_quotes(models, tmp_path):
    """As those of images from elsewhere may."""
    run, read, folder = finished(models, MODELS[0], USUAL[MODELS[0]])
    dataset, said = tmp_path / "dataset", 'a "subject" \\ at\nrest'
    shutil.copytree(read["dataset"], dataset)
    rows = Windows(dataset, "test").metadata.assign(text=said)
    rows.to_csv(dataset / "test-metadata.csv", index=False)
    code = usage(run, dataset, DecibelView.of(dataset, None), "mine", folder / "model")
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call) and node.args]
    assert [node.args[0].value for node in calls].count(said) == 2
