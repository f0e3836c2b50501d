import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Lesson 1.3: four members of a KIP-848 group on three partitions; then one that owns a partition closes. */
public class ConsumerGroups {
    public static void main(String[] args) throws Exception {
        String topic = args[1] + "-orders";
        Map<String, Object> settings = Map.of(
            "bootstrap.servers", args[0],
            "group.id", args[1] + "-billing",
            "group.protocol", "consumer"); // this client's default is classic, too; here the brokers assign
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", args[0]))) {
            admin.createTopics(List.of(new NewTopic(topic, 3, (short) 1))).all().get();
        }

        List<KafkaConsumer<String, String>> members = new ArrayList<>();
        try {
            for (int i = 0; i < 4; i++) {
                var member = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
                members.add(member);
                member.subscribe(List.of(topic));
            }
            List<Integer> four = settle(members, List.of(0, 1, 1, 1));
            System.out.println("4 members own " + four + " partitions");

            KafkaConsumer<String, String> leaver =
                members.stream().filter(member -> !member.assignment().isEmpty()).findFirst().orElseThrow();
            members.remove(leaver);
            leaver.close(); // says goodbye: the one on the bench takes over
            List<Integer> three = settle(members, List.of(1, 1, 1));
            System.out.println("3 members own " + three + " partitions");

            if (!four.equals(List.of(0, 1, 1, 1)) || !three.equals(List.of(1, 1, 1))) {
                System.out.println("FAIL");
                System.exit(1);
            }
            System.out.println("PASS the fourth member waited, and took over when another one closed");
        } finally {
            members.forEach(KafkaConsumer::close);
        }
    }

    /** Poll every member until they own `wanted` partitions, sorted, or 30 seconds are over; what they own. */
    static List<Integer> settle(List<KafkaConsumer<String, String>> members, List<Integer> wanted) {
        List<Integer> owned = List.of();
        for (long end = System.nanoTime() + 30_000_000_000L; System.nanoTime() < end && !owned.equals(wanted); ) {
            members.forEach(member -> member.poll(Duration.ofMillis(100)));
            owned = members.stream().map(member -> member.assignment().size()).sorted().toList();
        }
        return owned;
    }
}
