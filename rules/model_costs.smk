# What the presets of diffusion runs cost, counted without training any.


rule model_costs:
    input:
        "config/diffusion/presets.txt",
    output:
        directory("results/model-costs"),
    log:
        "logs/model_costs.log",
    benchmark:
        "logs/benchmarks/model_costs.tsv"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        code=lambda wildcards: code("model_costs", tuple(model_module(name) for name in EXTRAS)),
    message:
        "Count parameters, operations and memory of the presets"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/model_costs.py --out {output:q} > {log:q} 2>&1"
