"""The classifiers' backbones against their papers, and what the old ones got wrong."""

import numpy as np
import pytest
import torch
from scipy.linalg import logm
from scipy.signal import welch
from scipy.signal.windows import hann
from signal_diffusion.errors import UserError
from signal_diffusion.models.backbones import BACKBONES, build_backbone, module_of
from signal_diffusion.models.cnn import light_widths
from signal_diffusion.models.cnn_1d import growing_widths
from signal_diffusion.models.fixed import shrunk
from signal_diffusion.models.readout import bounded

COMMON = dict(embedding_dim=24, dropout=0.0, activation_name="gelu", depth=2, layer_repeats=1)
TOKENS = dict(patch=(4, 4), num_heads=2, pooling="mean")


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_eegnet_has_the_parameters_of_table_2():
    """F1 = 8, D = 2, F2 = 16 at 128 Hz, 64 electrodes, two classes; a batch norm has two parameters a map."""
    net = build_backbone("eegnet", shape=(64, 512), fs=128.0, dropout=0.5)
    temporal, spatial, separable = 8 * 64, 64 * 2 * 8, 16 * 16 + 16 * 16
    norms = 2 * (8 + 16 + 16)
    assert count(net) == temporal + spatial + separable + norms
    assert net.features == 16 * (512 // 32) and count(net.head(2)) == 2 * net.features + 2


def test_shallow_and_deep_nets_have_the_layers_of_the_paper():
    shallow = build_backbone("shallowfbcspnet", shape=(22, 1000), fs=250.0, dropout=0.5)
    assert count(shallow) == (25 * 40 + 40) + 40 * 40 * 22 + 2 * 40
    assert shallow.features == 40 * ((1000 - 25 + 1 - 75) // 15 + 1)
    deep = build_backbone("deep4net", shape=(22, 1000), dropout=0.5)
    later = sum(10 * a * b for a, b in ((25, 50), (50, 100), (100, 200)))
    assert count(deep) == (10 * 25 + 25) + 25 * 25 * 22 + later + 2 * (25 + 50 + 100 + 200)


def test_shallow_features_are_log_power():
    net = build_backbone("shallowfbcspnet", shape=(2, 500), fs=250.0, dropout=0.0).eval()
    x = torch.randn(3, 2, 500)
    net.norm.reset_running_stats()
    with torch.no_grad():
        net.filters[0].bias.zero_()
        louder = net(2 * x) - net(x)
    assert torch.allclose(louder, torch.full_like(louder, 2 * torch.log(torch.tensor(2.0)).item()), atol=1e-3)


def test_the_norm_of_filters_is_bounded():
    weight = torch.randn(5, 3, 2) * 10
    assert (bounded(weight, 0.25).flatten(1).norm(dim=1) <= 0.25 + 1e-6).all()
    small = torch.full((2, 2), 0.01)
    assert torch.equal(bounded(small, 1.0), small)


def test_the_spectrum_of_a_time_series_is_welchs():
    net = build_backbone("spectrum", shape=(3, 1000), dropout=0.0, fs=125.0).eval()
    x = np.random.default_rng(0).normal(size=(2, 3, 1000)).cumsum(axis=2)
    found = net(torch.from_numpy(x)).unflatten(1, (3, 45)).numpy()
    kind = dict(window=hann(125, sym=True), noverlap=63, detrend=False, scaling="density")
    frequencies, power = welch(x, 125.0, **kind)
    differences = found - np.log(power[..., (frequencies >= 1) & (frequencies <= 45)])
    np.testing.assert_allclose(differences, differences[0, 0, 0], atol=2e-3)


def test_the_spectrum_of_an_image_is_the_mean_over_the_frames_of_each_channel():
    net = build_backbone("spectrum", shape=(3, 8, 8), dropout=0.0, columns=(1, 7), frames=3).eval()
    x = torch.randn(2, 3, 8, 8)
    expected = torch.stack([x[:, 0, :, 1:4].mean(2), x[:, 0, :, 4:7].mean(2)], dim=2).flatten(1)
    assert torch.allclose(net(x), expected, atol=1e-6) and net.features == 16


def test_covariances_are_vectors_whose_distances_are_log_euclidean():
    net = build_backbone("covariance", shape=(4, 500), dropout=0.0, fs=125.0).eval()
    x = torch.randn(2, 4, 500, generator=torch.Generator().manual_seed(0))
    matrices = shrunk(net.covariances(x)).double().numpy()
    logs = np.array([[logm(band) for band in each] for each in matrices])
    distance = np.linalg.norm(logs[0] - logs[1])
    assert net.features == 6 * 10
    assert (net(x)[0] - net(x)[1]).norm().item() == pytest.approx(distance, rel=1e-3)


def test_the_covariance_of_a_band_holds_its_rhythms_alone():
    net = build_backbone("covariance", shape=(2, 1000), dropout=0.0, fs=125.0)
    time = torch.arange(1000) / 125
    alpha = torch.sin(2 * torch.pi * 10 * time)
    found = net.covariances(torch.stack([alpha, -0.5 * alpha])[None])[0]
    assert found[2, 0, 1] == pytest.approx(-0.5 * found[2, 0, 0].item(), rel=1e-4)
    assert found[2, 0, 0] > 1e3 * found[3, 0, 0]


def test_fixed_features_are_standardised_by_the_training_windows():
    net = build_backbone("spectrum", shape=(2, 250), dropout=0.0, fs=125.0).eval()
    blocks = torch.randn(2, 40, 2, 250, generator=torch.Generator().manual_seed(0)) * 7
    fitted = net.fit(blocks)
    found = net(blocks.flatten(0, 1))
    assert torch.equal(found, fitted)
    assert found.mean(0).abs().max() < 1e-4 and (found.std(0, correction=0) - 1).abs().max() < 1e-4
    assert torch.equal(net(found), found)
    assert not net.head(2)(found).any()


@pytest.mark.parametrize("pooling", ["mean", "class_token"])
def test_a_transformer_knows_the_order_of_its_tokens(pooling):
    net = build_backbone("transformer", shape=(1, 8, 8), **COMMON, **TOKENS | {"pooling": pooling}).eval()
    torch.nn.init.normal_(net.positions)
    x = torch.randn(2, 1, 8, 8)
    turned = torch.cat([x[:, :, 4:], x[:, :, :4]], dim=2)
    with torch.no_grad():
        assert not torch.allclose(net(x), net(turned), atol=1e-3)
        net.positions.zero_()
        assert torch.allclose(net(x), net(turned), atol=1e-5)


def test_the_layers_of_a_transformer_start_apart():
    net = build_backbone("transformer", shape=(1, 8, 8), **COMMON, **TOKENS)
    first, second = (dict(layer.named_parameters()) for layer in net.encoder.layers)
    drawn = [name for name, p in first.items() if p.ndim > 1]
    assert len(drawn) == 4 and not any(torch.equal(first[name], second[name]) for name in drawn)
    assert net(torch.randn(3, 1, 8, 8)).shape == (3, net.features)


def test_cnn_light_tells_a_high_rhythm_from_a_low_one():
    """A global average forgets where a pattern stands, but for the coordinates."""
    net = build_backbone("cnn_light", shape=(1, 32, 32), **COMMON).eval()
    high, low = torch.zeros(2, 1, 1, 32, 32)
    high[..., 8:10, :], low[..., 22:24, :] = 3, 3
    with torch.no_grad():
        assert (net(high) - net(low)).abs().max() > 1e-3


@pytest.mark.parametrize("embedding_dim", [600, 384, 64, 20])
def test_widths_end_where_the_heads_begin(embedding_dim):
    assert light_widths(embedding_dim, 3)[-1] == embedding_dim
    net = build_backbone(
        "cnn_light", shape=(1, 16, 16), **COMMON | {"embedding_dim": embedding_dim, "depth": 3}
    )
    assert net(torch.zeros(1, 1, 16, 16)).shape == (1, embedding_dim)
    assert growing_widths(20, 256, 3) == [32, 64, 128] and growing_widths(3, 512, 3) == [8, 32, 128]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("cnn_light", dict(shape=(1, 4, 4), **COMMON | {"depth": 3}), "cannot be halved 4 times"),
        ("cnn_1d", dict(shape=(2, 8), **COMMON), "windows of 8 samples are too short"),
        ("transformer", dict(shape=(1, 10, 8), **COMMON, **TOKENS), "10 x 8 do not divide into 4 x 4"),
        ("eegnet", dict(shape=(2, 31), fs=125.0, dropout=0.0), "needs windows of 32 samples"),
        ("deep4net", dict(shape=(2, 440), dropout=0.0), "needs windows of 441 samples"),
        ("shallowfbcspnet", dict(shape=(2, 40), fs=250.0, dropout=0.0), "needs windows of 99 samples"),
    ],
)
def test_windows_that_are_too_small_end_in_one_line(name, arguments, message):
    with pytest.raises(UserError, match=message):
        build_backbone(name, **arguments)


def test_every_backbone_has_a_module_of_its_own_name():
    assert {module_of(name) for name in BACKBONES} == {
        f"signal_diffusion.models.{name}"
        for name in ("cnn", "cnn_1d", "transformer", "eegnet", "filterbank", "fixed")
    }
