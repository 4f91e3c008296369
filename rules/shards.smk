# One job per recording, which reads that recording and nothing else.


rule shard:
    input:
        lambda wildcards: entry_of(wildcards).path,
    output:
        WORK / "shards/{recipe}-{representation}/{dataset}/{recording}.safetensors",
    log:
        "logs/shard/{recipe}-{representation}/{dataset}/{recording}.log",
    benchmark:
        "logs/benchmarks/shard/{recipe}-{representation}/{dataset}/{recording}.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        values=lambda wildcards: values_param(recipe(wildcards.recipe), "shards"),
        code=lambda wildcards: code("shard", readers([entry_of(wildcards).path])),
        reference=lambda wildcards: option("--reference", entry_of(wildcards).reference),
        span=lambda wildcards: span(entry_of(wildcards)),
    message:
        "Shard {wildcards.dataset} {wildcards.recording} for {wildcards.recipe}"
    conda:
        "../envs/preprocessing.yaml"
    shell:
        "exec python scripts/shard.py --recipe {wildcards.recipe} --recording {input:q} {params.reference}"
        " {params.span} --out {output:q} > {log:q} 2>&1"
