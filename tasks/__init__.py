"""What the worker runs: jobs from the queue, and the sweeps that meet due times."""
