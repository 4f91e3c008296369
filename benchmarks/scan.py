"""The selective scan, forward and backward, against a loop that slices its states, as mamba-ssm's reference does.

    python benchmarks/scan.py [--length 1024] [--channels 128] [--states 16] [--batch 8] [--runs 5]

Prints the median of several runs in milliseconds, of the sliced loop (nearly a minute backward at these sizes, for the
gradient of every slice fills all states) of one run, and the ratio; then the largest difference of values and
gradients from the definition in float64. On a GPU that has mamba-ssm its kernels are measured too.
"""

import argparse
import statistics
import time

import torch
import torch.nn.functional as F
from signal_diffusion.models.scan import backend, chunked_scan, selective_scan


def sliced(u, delta, a, b, c, d, bias):
    """All decays and inputs at once [batch, channels, length, states], then one slice of them per step."""
    u, delta = (x.flatten(2).transpose(1, 2) for x in (u, delta))
    steps = F.softplus(delta + bias.flatten()[:, None])
    decays = torch.exp(torch.einsum("bdl,dn->bdln", steps, a[0]))
    inputs = torch.einsum("bdl,bln,bdl->bdln", steps, b[:, :, 0], u)
    state, outputs = decays.new_zeros(*decays.shape[:2], a.shape[-1]), []
    for step in range(u.shape[2]):
        state = decays[:, :, step] * state + inputs[:, :, step]
        outputs.append(torch.einsum("bdn,bn->bd", state, c[:, step, 0]))
    y = torch.stack(outputs, dim=2) + u * d.flatten()[:, None]
    return y.transpose(1, 2).unsqueeze(2)


def measured(function, inputs, runs):
    """Median milliseconds forward and of both, after one call that does not count where there are several."""
    rows = []
    for _ in range(runs + (runs > 1)):
        start = time.perf_counter()
        y = function(*inputs)
        _wait(y)
        middle = time.perf_counter()
        torch.autograd.grad(y.sum(), inputs)
        _wait(y)
        rows.append((middle - start, time.perf_counter() - start))
    return [1e3 * statistics.median(row) for row in zip(*rows[runs > 1 :], strict=True)]


def _wait(tensor):
    if tensor.is_cuda:
        torch.cuda.synchronize()


def difference(function, reference, inputs):
    """Largest difference of values and gradients from `reference` in float64, relative to the largest of each."""
    wide = [x.detach().double().requires_grad_() for x in inputs]
    probe = torch.randn(inputs[0].shape, device=inputs[0].device)
    found, expected = function(*inputs), reference(*wide)
    pairs = [(found, expected)]
    pairs += zip(
        torch.autograd.grad((found * probe).sum(), inputs),
        torch.autograd.grad((expected * probe).sum(), wide),
        strict=True,
    )
    return max(float(((a - b).abs().max() / b.abs().max()).detach()) for a, b in pairs)


def draw(batch, length, channels, states, device):
    shape, shared = (batch, length, 1, channels), (batch, length, 1, states)
    rates = -torch.arange(1, states + 1.0).expand(1, channels, states).clone()
    inputs = [torch.randn(shape), torch.randn(shape), rates, torch.randn(shared), torch.randn(shared)]
    inputs += [torch.ones(1, channels), torch.full((1, channels), -3.0)]
    return [x.to(device).requires_grad_() for x in inputs]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("length", 1024), ("channels", 128), ("states", 16), ("batch", 8), ("runs", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    inputs = draw(args.batch, args.length, args.channels, args.states, device)
    methods = {"chunked": (chunked_scan, args.runs), "sliced": (sliced, 1)}
    if backend(device) != "chunked":
        methods = {backend(device): (selective_scan, args.runs), **methods}
    print(
        f"{args.length} steps, {args.channels} channels of {args.states} states, batch {args.batch}, {device}, "
        f"{torch.get_num_threads()} threads, float32",
        flush=True,
    )
    times = {name: measured(method, inputs, runs) for name, (method, runs) in methods.items()}
    for name, (forward, both) in times.items():
        ratio = times["sliced"][1] / both
        print(
            f"{name:10} forward {forward:8.1f} ms   forward and backward {both:9.1f} ms   {ratio:6.1f} x sliced"
        )
    short = draw(2, min(args.length, 128), args.channels, args.states, device)
    for name, (method, _) in methods.items():
        if name != "sliced":
            print(f"{name:10} largest relative difference {difference(method, sliced, short):.1e}")


if __name__ == "__main__":
    main()
