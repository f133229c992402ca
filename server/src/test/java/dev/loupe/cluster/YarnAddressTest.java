package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where YARN is by Hadoop's files, and what is said when nobody answers there. */
class YarnAddressTest {
    private static final String RM = "yarn.resourcemanager.";

    @TempDir
    Path folder;

    private Map<String, String> site(String file, String content) throws IOException {
        Files.writeString(folder.resolve(file), "<configuration>" + content + "</configuration>");
        return Map.of("HADOOP_CONF_DIR", folder.toString());
    }

    private static String property(String name, String value) {
        return "<property><name>" + name + "</name>\n <value> " + value + " </value></property>";
    }

    @Test
    void an_address_is_put_together_as_hadoop_does_it() {
        assertThat(YarnAddress.of(Map.of())).containsExactly("0.0.0.0:8032");
        assertThat(YarnAddress.of(Map.of(RM + "hostname", "head"))).containsExactly("head:8032");
        assertThat(YarnAddress.of(Map.of(RM + "hostname", "head", RM + "address", "${" + RM + "hostname}:99")))
                .containsExactly("head:99");
        Map<String, String> two = Map.of(
                RM + "ha.enabled", "true",
                RM + "ha.rm-ids", "a, b",
                RM + "hostname.a", "one",
                RM + "address.b", "two:7");
        assertThat(YarnAddress.of(two)).containsExactly("one:8032", "two:7");
    }

    @Test
    void what_only_hadoop_can_tell_is_left_to_it() {
        assertThat(YarnAddress.of(Map.of(RM + "address", "${env.HEAD}:99"))).isEmpty();
        assertThat(YarnAddress.of(Map.of(RM + "ha.enabled", "true", RM + "ha.rm-ids", "a")))
                .isEmpty();
        Map<String, String> loop = Map.of(RM + "address", "${x}", "x", "${" + RM + "address}");
        assertThat(YarnAddress.of(loop)).isEmpty();
    }

    @Test
    void a_resource_manager_that_nobody_listens_for_is_one_sentence() throws IOException {
        Map<String, String> environment = site("yarn-site.xml", property(RM + "address", "127.0.0.1:1"));
        assertThatThrownBy(() -> YarnAddress.reach(Map.of(), environment))
                .isInstanceOf(LoupeException.class)
                .hasMessageStartingWith("No ResourceManager of YARN answers at 127.0.0.1:1 (")
                .hasMessageContaining("the settings in " + folder)
                .hasMessageEndingWith("nothing was begun.");
        Map<String, String> named = site("yarn-site.xml", property(RM + "hostname", "no-such-host.invalid"));
        assertThatThrownBy(() -> YarnAddress.reach(Map.of(), named))
                .hasMessageContaining("there is no host no-such-host.invalid");
        try (ServerSocket there = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String address = "127.0.0.1:" + there.getLocalPort();
            assertThatCode(() -> YarnAddress.reach(Map.of("spark.hadoop." + RM + "address", address), environment))
                    .as("Spark's settings beat Hadoop's files")
                    .doesNotThrowAnyException();
            Map<String, String> two = site(
                    "yarn-site.xml",
                    property(RM + "ha.enabled", "true")
                            + property(RM + "ha.rm-ids", "a,b")
                            + property(RM + "address.a", "127.0.0.1:1")
                            + property(RM + "address.b", address));
            assertThatCode(() -> YarnAddress.reach(Map.of(), two))
                    .as("one of several is enough")
                    .doesNotThrowAnyException();
        }
    }

    @Test
    void settings_that_are_missing_or_damaged_are_one_sentence() throws IOException {
        assertThatThrownBy(() -> YarnAddress.check(Map.of()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("set HADOOP_CONF_DIR or YARN_CONF_DIR");
        assertThatCode(() -> YarnAddress.check(Map.of("SPARK_HOME", "/opt/spark")))
                .as("its spark-env.sh may say it")
                .doesNotThrowAnyException();
        Map<String, String> environment = site("core-site.xml", "<property>");
        assertThatThrownBy(() -> YarnAddress.reach(Map.of(), environment))
                .isInstanceOf(LoupeException.class)
                .hasMessageStartingWith("Hadoop's settings " + folder.resolve("core-site.xml") + " cannot be read (")
                .hasMessageEndingWith("nothing was begun.");
    }
}
