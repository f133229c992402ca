package dev.loupe.base;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.UnknownHostException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A service on the internet that answers "look there instead", where there is something of ours. */
class ForgedAddressAttackTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "127.0.0.1",
                "127.255.255.254",
                "localhost",
                "0.0.0.0",
                "10.0.0.1",
                "172.16.5.5",
                "192.168.1.1",
                "169.254.169.254",
                "100.64.0.1",
                "198.18.0.1",
                "224.0.0.1",
                "255.255.255.255",
                "::1",
                "[::1]",
                "::",
                "fe80::1",
                "fd00:ec2::254",
                "fc00::1",
                "ff02::1",
                "::ffff:127.0.0.1",
                "::ffff:169.254.169.254",
                "2002:7f00:1::",
                "2002:a9fe:a9fe::1",
                "64:ff9b::10.0.0.1",
                "2130706433"
            })
    void privateAddressesAreKnownHoweverTheyAreWritten(String host) throws UnknownHostException {
        assertThat(PrivateAddresses.leadsTo(host)).isTrue();
        assertThat(mayLead("8.8.8.8", host)).isFalse();
        assertThat(mayLead("127.0.0.1", host)).isTrue(); // a mirror inside it does
    }

    private static boolean mayLead(String from, String to) throws UnknownHostException {
        return PrivateAddresses.mayLead(from, to, InetAddress::getAllByName);
    }

    @Test
    void aNameWithOneAddressOfOursAmongOthersIsOurs() throws UnknownHostException {
        PrivateAddresses.Lookup two = name -> new InetAddress[] {
            InetAddress.ofLiteral("8.8.8.8"), InetAddress.ofLiteral(name.equals("evil") ? "10.0.0.1" : "8.8.4.4")
        };
        assertThat(PrivateAddresses.mayLead("hub", "evil", two)).isFalse();
        assertThat(PrivateAddresses.mayLead("hub", "good", two)).isTrue();
    }

    @Test
    void hostsOnTheInternetAreNotMistaken() throws UnknownHostException {
        for (String host :
                new String[] {"8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::8.8.8.8"}) {
            assertThat(PrivateAddresses.leadsTo(host)).as(host).isFalse();
            assertThat(mayLead("8.8.8.8", host)).as(host).isTrue();
        }
        assertThat(PrivateAddresses.leadsTo("no-such-host.invalid")).isFalse();
    }
}
