# Quality against network calls: a trained run sampled by several solvers, in few calls and in many.


rule measure_calls:
    input:
        dataset=lambda wildcards: dataset_folder("diffusion", wildcards.run),
        captions=lambda wildcards: captions_of(wildcards.run),
        latents=lambda wildcards: latents_of(wildcards.run),
        model=WORK / "diffusion/{run}/model.safetensors",
        untrained=WORK / "diffusion/{run}/untrained",
        encoder=lambda wildcards: encoder_of(wildcards.run),
    output:
        WORK / "diffusion/{run}/calls.json",
    log:
        "logs/measure_calls/{run}.log",
    benchmark:
        "logs/benchmarks/measure_calls/{run}.tsv"
    threads: lambda wildcards: run("diffusion", wildcards.run).training.threads
    resources:
        mem_mb=growing(8000),
        runtime=growing(480),
    params:
        sampling=lambda wildcards: values_param(run("diffusion", wildcards.run), "generation"),
        judging=lambda wildcards: values_param(run("diffusion", wildcards.run), "evaluation"),
        values=lambda wildcards: values_param(run("diffusion", wildcards.run), "calls"),
        code=lambda wildcards: code("measure_calls", model_modules(wildcards.run)),
        view=lambda wildcards: view_values(wildcards.run),
        captions=lambda wildcards: option("--captions", *captions_of(wildcards.run)),
        latents=lambda wildcards: option("--latents", *latents_of(wildcards.run)),
        encoder=lambda wildcards: option("--encoder", *encoder_of(wildcards.run)),
        vae=lambda wildcards: option("--vae", vae(wildcards.run)[1]),
    message:
        "Measure the quality of {wildcards.run} against its network calls"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/measure_calls.py --run config/diffusion/{wildcards.run}.toml"
        " --model {input.model:q} --dataset {input.dataset:q} {params.captions} {params.latents}"
        " --untrained {input.untrained:q} {params.encoder} {params.vae} --out {output:q} > {log:q} 2>&1"


rule plot_calls:
    input:
        WORK / "diffusion/{run}/calls.json",
    output:
        report(
            directory("results/diffusion-calls/{run}"),
            patterns=["{name}.png", "{name}.csv"],
            caption="report/calls.rst",
            category="Diffusion",
            subcategory="{run}",
            labels={"run": "{run}", "what": "quality against {name}"},
        ),
    log:
        "logs/plot_calls/{run}.log",
    benchmark:
        "logs/benchmarks/plot_calls/{run}.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        code=lambda wildcards: code("plot_calls", heard=("report",)),
    message:
        "Show the quality of {wildcards.run} against its network calls"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/plot_calls.py --run config/diffusion/{wildcards.run}.toml --measured {input:q}"
        " --out {output:q} > {log:q} 2>&1"
