package dev.loupe.service;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A service for labels that is not where it should be. */
class LabelAddressAttackTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://169.254.169.254/latest",
                "http://10.0.0.1/v1",
                "http://192.168.1.1:8080/v1",
                "http://0.0.0.0:1/v1",
                "http://127.0.0.2:1/v1",
                "http://[fd00::1]/v1",
                "http://[::ffff:10.0.0.1]/v1"
            })
    void aServiceInsideTheNetworkIsAskedOnlyIfTheSettingsSaySo(String url) {
        Map<String, String> environment = Map.of("LOUPE_LABEL_URL", url, "LOUPE_LABEL_MODEL", "m");
        ChatService chat = Workbench.chat(Settings.load(Map.of(), environment), null);
        assertThatThrownBy(() -> chat.ask("a", "b", 5))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("label-private");
    }

    @ParameterizedTest
    @ValueSource(strings = {"http://127.0.0.1:1/v1", "http://localhost:1/v1"})
    void aServiceOnThisMachineIsAsked(String url) {
        Map<String, String> environment = Map.of("LOUPE_LABEL_URL", url, "LOUPE_LABEL_MODEL", "m");
        ChatService chat = Workbench.chat(Settings.load(Map.of(), environment), null);
        assertThatThrownBy(() -> chat.ask("a", "b", 5)).hasMessageContaining("cannot be reached");
    }
}
