package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is handed to Spark: names of storages and files. */
class SparkLinkTest {
    @Test
    void a_storage_is_an_address_and_nothing_else() {
        assertThat(new ClusterOptions("yarn", Map.of(), null, Path.of("/w"), "s3a://b/dir//").storage())
                .isEqualTo("s3a://b/dir");
        for (String wrong : List.of("/mnt/dir", "bucket", "s3a:b", "s3a://b/\"x\"")) {
            assertThatThrownBy(() -> new ClusterOptions("yarn", Map.of(), null, Path.of("/w"), wrong))
                    .isInstanceOf(UsageException.class)
                    .hasMessageContaining("s3a://BUCKET/FOLDER");
        }
    }

    @Test
    void a_file_whose_path_spark_would_take_apart_is_given_to_it_by_a_link(@TempDir Path folder) throws IOException {
        Path plain = Files.writeString(folder.resolve("loupe-1.0+a_b~c@d.tar.gz"), "plain");
        List<Path> links = new ArrayList<>();
        try (PlainPaths paths = new PlainPaths()) {
            assertThat(paths.of(plain)).isEqualTo(plain);
            assertThat(paths.of(folder.resolve("x/../loupe-1.0+a_b~c@d.tar.gz")))
                    .isEqualTo(plain);
            for (String name :
                    List.of("a b.tar.gz", "a#loupe.tgz", "a,b.zip", "[a].jar", "{a}*?.jar", "ä.zip", "100%.zip")) {
                Path file = Files.writeString(folder.resolve(name), name);
                Path link = paths.of(file);
                assertThat(link).hasContent(name);
                assertThat(link.toString()).matches("[\\w/.-]+").endsWith(name.substring(name.indexOf('.')));
                links.add(link);
            }
            assertThat(links).doesNotHaveDuplicates();
        }
        assertThat(links).allSatisfy(link -> assertThat(link.getParent()).doesNotExist());
        assertThat(folder.resolve("a b.tar.gz")).hasContent("a b.tar.gz");
    }
}
