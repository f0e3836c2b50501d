import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.FutureTask;
import java.util.zip.CRC32C;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.*;

/** Lesson 1.4: transferTo, with which a broker answers a fetch, beside a copying loop; and how well a batch packs. */
public class ZeroCopy {
    public static void main(String[] args) throws Exception {
        Path segment = Files.createTempFile("segment", ".log");
        byte[] bytes = new byte[16 << 20];
        new Random(14).nextBytes(bytes);
        Files.write(segment, bytes);
        CRC32C written = new CRC32C();
        written.update(bytes);
        long copied = arrived(segment, false), handed = arrived(segment, true);
        Files.delete(segment);
        System.out.println("same bytes by read + write and by transferTo: " + (copied == handed));
        double single = packed(args[0], args[1] + "-single", 1), batched = packed(args[0], args[1] + "-batched", 500);
        System.out.println("zstd packs 500 orders twice as well together as alone: " + (batched < single / 2));
        boolean ok = copied == written.getValue() && copied == handed && batched < single / 2;
        System.out.println(ok ? "PASS zero-copy sends what copying sends, and batches pack better" : "FAIL");
        System.exit(ok ? 0 : 1);
    }

    /** The checksum of what arrives at the other end of a socket. */
    static long arrived(Path path, boolean zeroCopy) throws Exception {
        try (var server = ServerSocketChannel.open().bind(new InetSocketAddress("127.0.0.1", 0))) {
            var receiver = new FutureTask<Long>(() -> {
                CRC32C sum = new CRC32C();
                try (SocketChannel socket = server.accept()) {
                    for (var room = ByteBuffer.allocate(1 << 20); socket.read(room.clear()) >= 0; )
                        sum.update(room.flip());
                }
                return sum.getValue();
            });
            new Thread(receiver).start();
            try (var file = FileChannel.open(path); var socket = SocketChannel.open(server.getLocalAddress())) {
                ByteBuffer piece = ByteBuffer.allocate(16_384);
                if (zeroCopy) // sendfile: the kernel sends, no byte enters this process
                    for (long at = 0; at < file.size(); ) at += file.transferTo(at, file.size() - at, socket);
                else
                    while (file.read(piece.clear()) >= 0)
                        for (piece.flip(); piece.hasRemaining(); ) socket.write(piece);
            }
            return receiver.get();
        }
    }

    /** Bytes sent for each byte of 500 orders, as the producer's own metric has it; flushed after every `batch`. */
    static double packed(String bootstrap, String topic, int batch) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
        }
        Map<String, Object> settings = Map.of(
            "bootstrap.servers", bootstrap, "compression.type", "zstd", "linger.ms", 100, "batch.size", 262_144);
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            for (int n = 1; n <= 500; n++) {
                String order = "{\"orderId\": %d, \"status\": \"placed\", \"sku\": \"SKU-%05d\"}";
                producer.send(new ProducerRecord<>(topic, order.formatted(n, n * 7919 % 9973)));
                if (n % batch == 0) producer.flush();
            }
            return producer.metrics().values().stream().filter(m -> m.metricName().group().equals("producer-metrics"))
                .filter(m -> m.metricName().name().equals("compression-rate-avg"))
                .mapToDouble(m -> (double) m.metricValue()).findFirst().orElseThrow();
        }
    }
}
