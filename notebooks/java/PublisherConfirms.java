import static java.nio.charset.StandardCharsets.UTF_8;

import com.rabbitmq.client.*;
import java.util.concurrent.*;

/** Lesson 3.1: 1,000 persistent orders, their confirms awaited together; then one that no binding matches. */
public class PublisherConfirms {
    public static void main(String[] args) throws Exception {
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(System.getenv("AMQP_URL"));
        String queue = args[0] + "-orders";
        try (Connection connection = factory.newConnection(); Channel channel = connection.createChannel()) {
            channel.queueDeclare(queue, true, false, false, null);
            channel.confirmSelect();
            ConcurrentNavigableMap<Long, String> outstanding = new ConcurrentSkipListMap<>();
            ConfirmCallback acked = (tag, multiple) -> {
                if (multiple) outstanding.headMap(tag, true).clear(); // one answer for all up to this one
                else outstanding.remove(tag);
            };
            channel.addConfirmListener(acked, (tag, multiple) -> System.out.println("nack of " + tag));
            for (int n = 0; n < 1_000; n++) {
                outstanding.put(channel.getNextPublishSeqNo(), "order " + n);
                byte[] body = ("order " + n).getBytes(UTF_8);
                channel.basicPublish("", queue, MessageProperties.PERSISTENT_TEXT_PLAIN, body);
            }
            channel.waitForConfirmsOrDie(30_000);
            long arrived = channel.messageCount(queue);
            System.out.println(arrived + " arrived, " + outstanding.size() + " unconfirmed");

            BlockingQueue<String> returned = new LinkedBlockingQueue<>();
            channel.addReturnListener(back -> returned.add(back.getReplyText()));
            channel.basicPublish("", queue + "-misspelt", true, null, "lost?".getBytes(UTF_8)); // mandatory
            String said = returned.poll(10, TimeUnit.SECONDS);
            channel.waitForConfirmsOrDie(30_000); // it is confirmed all the same
            channel.queueDelete(queue);
            if (arrived != 1_000 || !outstanding.isEmpty() || !"NO_ROUTE".equals(said)) {
                System.out.println("FAIL: " + said);
                System.exit(1);
            }
            System.out.println("PASS all confirmed and in the queue; what no binding matches came back: " + said);
        }
    }
}
