"""The adapters for a real Kafka cluster, on confluent-kafka (librdkafka)."""
