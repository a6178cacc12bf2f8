"""What happens to a job. Knows nothing of `web`; see README.md for the life of a job."""
