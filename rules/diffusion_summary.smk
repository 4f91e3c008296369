# All diffusion runs side by side.


rule summarise_diffusion:
    input:
        lambda wildcards: built_runs("diffusion"),
    output:
        report(
            directory("results/diffusion-summary"),
            patterns=["{name}.png", "{name}.csv"],
            caption="report/diffusion_summary.rst",
            category="Diffusion",
            subcategory="all runs",
            labels={"run": "all", "what": "{name}"},
        ),
    log:
        "logs/summarise_diffusion.log",
    benchmark:
        "logs/benchmarks/summarise_diffusion.tsv"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        code=lambda wildcards: code(
            "summarise_diffusion", tuple(model_module(name) for name in EXTRAS), heard=("report",)
        ),
    message:
        "Set all diffusion runs side by side"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/summarise_diffusion.py --runs {input:q} --out {output:q} > {log:q} 2>&1"
