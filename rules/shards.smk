# One job per batch of recordings, which makes the shards that are missing or out of date and nothing else.


rule shards:
    input:
        lambda wildcards: files_of(batch_of(wildcards)),
    output:
        WORK / "shards/{recipe}-{representation}/{dataset}/batch-{batch}.json",
    log:
        "logs/shards/{recipe}-{representation}/{dataset}/{batch}.log",
    benchmark:
        "logs/benchmarks/shards/{recipe}-{representation}/{dataset}/{batch}.tsv"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        values=lambda wildcards: recipe_values(wildcards.recipe, "shards", wildcards.representation),
        code=lambda wildcards: code("shard_batch", readers(files_of(batch_of(wildcards)))),
        recordings=lambda wildcards: jobs_text(batch_of(wildcards)),
        verify=lambda wildcards: (
            option("--verify", checksums_digest(batch_of(wildcards))) if verified(wildcards.dataset) else ""
        ),
    message:
        "Shards of {wildcards.dataset} for {wildcards.recipe}, batch {wildcards.batch}"
    conda:
        "../envs/preprocessing.yaml"
    shell:
        "exec python scripts/shard_batch.py --recipe {wildcards.recipe}"
        " --representation {wildcards.representation} --recordings {params.recordings} {params.verify}"
        " --made-with {params.values:q} {params.code:q} --out {output:q} > {log:q} 2>&1"
