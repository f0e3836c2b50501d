"""What is downloaded or made once, on this machine: Kafka's jars, a Java, the lab's certificate and password."""
