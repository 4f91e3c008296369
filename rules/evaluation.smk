# What the generated set is worth, beside its floor and its baselines, and the figures that show it.


rule evaluate_diffusion:
    input:
        dataset=lambda wildcards: dataset_folder("diffusion", wildcards.run),
        synthetic=WORK / "diffusion/{run}/synthetic",
        untrained=WORK / "diffusion/{run}/untrained",
        encoder=lambda wildcards: encoder_of(wildcards.run),
        vae=lambda wildcards: vae(wildcards.run)[0],
    output:
        metrics=report(
            WORK / "diffusion/{run}/metrics.json",
            caption="report/metrics.rst",
            category="Diffusion",
            subcategory="{run}",
            labels={"run": "{run}", "what": "metrics"},
        ),
        curves=WORK / "diffusion/{run}/curves.safetensors",
    log:
        "logs/evaluate_diffusion/{run}.log",
    benchmark:
        "logs/benchmarks/evaluate_diffusion/{run}.tsv"
    threads: lambda wildcards: run("diffusion", wildcards.run).training.threads
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        values=lambda wildcards: values_param(run("diffusion", wildcards.run), "evaluation"),
        code=lambda wildcards: code("evaluate_diffusion"),
        view=lambda wildcards: view_values(wildcards.run),
        encoder=lambda wildcards: option("--encoder", *encoder_of(wildcards.run)),
        vae=lambda wildcards: option("--vae", vae(wildcards.run)[1]),
    message:
        "Evaluate {wildcards.run}"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/evaluate_diffusion.py --run config/diffusion/{wildcards.run}.toml"
        " --dataset {input.dataset:q} --synthetic {input.synthetic:q} --untrained {input.untrained:q}"
        " {params.encoder} {params.vae} --out {output.metrics:q} --curves {output.curves:q} > {log:q} 2>&1"


rule plot_diffusion:
    input:
        dataset=lambda wildcards: dataset_folder("diffusion", wildcards.run),
        synthetic=WORK / "diffusion/{run}/synthetic",
        metrics=WORK / "diffusion/{run}/metrics.json",
        curves=WORK / "diffusion/{run}/curves.safetensors",
    output:
        report(
            directory(WORK / "diffusion/{run}/figures"),
            patterns=["{figure}.png"],
            caption="report/figures.rst",
            category="Diffusion",
            subcategory="{run}",
            labels={"run": "{run}", "what": "{figure}"},
        ),
    log:
        "logs/plot_diffusion/{run}.log",
    benchmark:
        "logs/benchmarks/plot_diffusion/{run}.tsv"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        values=lambda wildcards: values_param(run("diffusion", wildcards.run), "figures"),
        view=lambda wildcards: view_values(wildcards.run),
        code=lambda wildcards: code("plot_diffusion", heard=("report",)),
        # Not an input: training appends to it over several attempts.
        stats=f"{WORK}/diffusion/{{run}}/stats.jsonl",
    message:
        "Draw the figures of {wildcards.run}"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/plot_diffusion.py --run config/diffusion/{wildcards.run}.toml"
        " --dataset {input.dataset:q} --synthetic {input.synthetic:q} --metrics {input.metrics:q}"
        " --curves {input.curves:q} --stats {params.stats:q} --out {output:q} > {log:q} 2>&1"
