# A recipe's recordings together: splits, dB range, uint8 arrays, captions, weights, card.


rule dataset:
    input:
        tables=tables_of,
        shards=shards_of,
        pinned=lambda wildcards: pinned_of(wildcards.recipe),
    output:
        directory("results/dataset/{recipe}-{representation}"),
    log:
        "logs/dataset/{recipe}-{representation}.log",
    benchmark:
        "logs/benchmarks/dataset/{recipe}-{representation}.tsv"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        values=lambda wildcards: recipe_values(wildcards.recipe, "dataset", wildcards.representation),
        code=lambda wildcards: code("build_dataset"),
        shards=lambda wildcards: WORK / f"shards/{wildcards.recipe}-{wildcards.representation}",
    message:
        "Build dataset {wildcards.recipe}-{wildcards.representation}"
    conda:
        "../envs/preprocessing.yaml"
    shell:
        "exec python scripts/build_dataset.py --recipe {wildcards.recipe}"
        " --representation {wildcards.representation} --index {input.tables:q} --shards {params.shards:q}"
        " --out {output:q} > {log:q} 2>&1"
