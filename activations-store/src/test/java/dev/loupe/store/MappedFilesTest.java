package dev.loupe.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MappedFilesTest {
    @Test
    void a_store_of_more_files_than_the_kernel_maps_is_refused_with_the_cure() {
        assertThatCode(() -> MappedFiles.check("s", 61_530, 65_530)).doesNotThrowAnyException();
        assertThatThrownBy(() -> MappedFiles.check("s", 763_000, 65_530))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("vm.max_map_count=1526000")
                .hasMessageContaining("--shard-rows");
        assertThatCode(() -> MappedFiles.check("s", 763_000, Long.MAX_VALUE)).doesNotThrowAnyException();
    }

    @Test
    void the_limit_is_the_kernels_where_it_has_one(@TempDir Path folder) throws IOException {
        assertThat(MappedFiles.limit(Files.writeString(folder.resolve("limit"), "65530\n")))
                .isEqualTo(65_530);
        Path kernel = Path.of("/proc/sys/vm/max_map_count");
        if (Files.exists(kernel)) {
            assertThat(MappedFiles.limit(kernel)).isGreaterThan(10_000);
        }
        assertThat(MappedFiles.limit(folder.resolve("none"))).isEqualTo(Long.MAX_VALUE);
    }
}
