"""What the workflow is doing: progress by stage, running and failed jobs, and the cluster's queue."""
