package dev.loupe.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.UsageException;
import dev.loupe.tensor.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SettingsTest {
    @TempDir
    Path folder;

    @Test
    void aFlagWinsOverAVariableThatOverTheFileThatOverTheDefault() throws IOException {
        assertThat(load(Map.of(), Map.of()).get(Settings.Key.PORT)).isEqualTo("7070");
        Files.writeString(folder.resolve("loupe.yaml"), "port: 1\nthreads: 3\n");
        assertThat(load(Map.of(), Map.of()).number(Settings.Key.PORT)).isEqualTo(1);
        Map<String, String> environment = Map.of("LOUPE_PORT", "2");
        assertThat(load(Map.of(), environment).number(Settings.Key.PORT)).isEqualTo(2);
        Settings all = load(Map.of(Settings.Key.PORT, "3"), environment);
        assertThat(all.number(Settings.Key.PORT)).isEqualTo(3);
        assertThat(all.number(Settings.Key.THREADS)).isEqualTo(3);
        assertThat(all.all()).anyMatch(s -> s.name().equals("port") && s.origin() == Settings.Origin.FLAG);
        assertThat(all.all()).anyMatch(s -> s.name().equals("threads") && s.origin() == Settings.Origin.FILE);
        assertThat(all.all()).anyMatch(s -> s.name().equals("host") && s.origin() == Settings.Origin.DEFAULT);
    }

    @Test
    void valuesOutOfRangeAreRefusedInOneSentence() throws IOException {
        refused(Map.of(Settings.Key.PORT, "99999"), "99999");
        refused(Map.of(Settings.Key.PORT, "web"), "web");
        refused(Map.of(Settings.Key.THREADS, "-1"), "-1");
        refused(Map.of(Settings.Key.DEVICE, "tpu"), "tpu");
        refused(Map.of(Settings.Key.DEVICE, "cuda:x"), "use auto, cpu or cuda:0");
        Files.writeString(folder.resolve("loupe.yaml"), "- a\n- b\n");
        refused(Map.of(), "loupe.yaml");
        Files.writeString(folder.resolve("loupe.yaml"), "port: [\n");
        refused(Map.of(), "loupe.yaml");
    }

    @Test
    void aDeviceIsNamedAsPyTorchNamesIt() {
        assertThat(load(Map.of(), Map.of()).device()).isEqualTo(Device.CPU);
        assertThat(load(Map.of(), Map.of()).deviceIsAuto()).isTrue();
        Settings gpu = load(Map.of(Settings.Key.DEVICE, "CUDA:1"), Map.of());
        assertThat(gpu.device()).isEqualTo(Device.cuda(1)).hasToString("cuda:1");
        assertThat(gpu.deviceIsAuto()).isFalse();
        assertThat(load(Map.of(), Map.of("LOUPE_DEVICE", "cuda")).device()).isEqualTo(Device.cuda(0));
    }

    private void refused(Map<Settings.Key, String> flags, String word) {
        assertThatThrownBy(() -> load(flags, Map.of()))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining(word);
    }

    private Settings load(Map<Settings.Key, String> flags, Map<String, String> environment) {
        Map<Settings.Key, String> all = new HashMap<>(flags);
        all.put(Settings.Key.WORKSPACE, folder.toString());
        return Settings.load(all, environment);
    }
}
