"""From answers to labels: agreement, consensus, trust in annotators, adjudication, gold tasks."""
