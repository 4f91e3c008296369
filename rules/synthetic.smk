# Synthetic datasets, drawn from published diffusion models for labels as the real ones, balanced or given.


rule generate_synthetic_dataset:
    input:
        model=lambda wildcards: f"results/diffusion/{synthetic(wildcards.synthetic).run}",
        dataset=lambda wildcards: dataset_folder("diffusion", synthetic(wildcards.synthetic).run),
        conditions=lambda wildcards: synthetic(wildcards.synthetic).conditions.table or [],
    output:
        directory("results/synthetic/{synthetic}"),
    log:
        "logs/generate_synthetic_dataset/{synthetic}.log",
    benchmark:
        "logs/benchmarks/generate_synthetic_dataset/{synthetic}.tsv"
    threads: lambda wildcards: run("diffusion", synthetic(wildcards.synthetic).run).training.threads
    resources:
        mem_mb=growing(8000),
        runtime=growing(480),
    params:
        values=lambda wildcards: values_param(synthetic(wildcards.synthetic), "synthetic"),
        code=lambda wildcards: code(
            "generate_synthetic_dataset", model_modules(synthetic(wildcards.synthetic).run)
        ),
    message:
        "Generate the synthetic dataset {wildcards.synthetic}"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/generate_synthetic_dataset.py --set config/synthetic/{wildcards.synthetic}.toml"
        " --model {input.model:q} --dataset {input.dataset:q} --out {output:q} > {log:q} 2>&1"
