package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.ProjectRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Every attack in the threat model names a test, and every test that it names is there. */
class ThreatModelTest {
    private static final Pattern NAMED = Pattern.compile("`(\\w+Test)\\.(\\w+)` \\|$");

    /** One for each kind of attack that a server for strangers must stand: a row may be reworded, not dropped. */
    private static final List<String> PROMISED = List.of(
            "TokenAttackTest.withoutATokenNothingIsShown",
            "TokenAttackTest.guessingIsSlowedDownWhateverIsGuessedWith",
            "LimitAttackTest.whatOneTokenUsedUpIsTakenFromNoOther",
            "TokenAttackTest.aPersonGivesTheTokenOnAPageWithoutScriptsAndGetsACookieThatNoScriptReads",
            "TokenAttackTest.cookiesThatWereForgedAgedOrSignedWithAnotherTokenAreRefused",
            "TokenAttackTest.theCookieOpensTheEventsOfJobsAndThePushSocket",
            "ProxiesTest.whatAClientMadeUpIsNeverItsAddress",
            "AccessTest.requestsForAnotherHostAreRefused",
            "AccessTest.aForeignPageMayChangeNothing",
            "ForeignPageAttackTest.whatAnotherSitesPageFetchesOrEmbedsIsRefusedAndALinkIsNot",
            "HostileTextTest.markup_in_texts_tokens_labels_and_addresses_is_never_run",
            "UploadAttackTest.bodiesBeyondTheLimitAreRefused",
            "UploadAttackTest.aGraphBeyondItsLimitIsRefused",
            "PathAttackTest.noNameLeadsOutOfTheWorkspace",
            "ArchiveAttackTest.anNpzArchiveThatUnpacksToGigabytesIsRefusedBeforeItFillsMemory",
            "ArchiveAttackTest.gzipInGzipIsCountedAsItIsUnpacked",
            "PackagePullTest.what_is_passed_over_counts_when_it_is_unpacked",
            "YamlAttackTest.aliasesThatUnfoldWithoutEndAreRefused",
            "TemplateAttackTest.noTemplateReachesClassesFilesOrTheEngineItself",
            "TemplateAttackTest.loopsThatNeverEndAreEnded",
            "HubRedirectAttackTest.aServiceOfThisMachineIsNotAsked",
            "LabelAddressAttackTest.aServiceInsideTheNetworkIsAskedOnlyIfTheSettingsSaySo",
            "HostileFilesTest.everyKindOfFileIsReadOrRefused",
            "HostileRequestsTest.everyRouteAnswersWhateverItIsAsked");

    @Test
    void everyAttackIsTriedByATestThatExists() throws IOException {
        Path root = ProjectRoot.path();
        Map<String, String> tests = new HashMap<>();
        for (String module : List.of("activations-store", "sae-train", "server", "ui", "tests/e2e")) {
            try (Stream<Path> all = Files.walk(root.resolve(module).resolve("src/test/java"))) {
                for (Path p :
                        all.filter(f -> f.toString().endsWith("Test.java")).toList()) {
                    tests.put(String.valueOf(p.getFileName()).replace(".java", ""), Files.readString(p));
                }
            }
        }
        List<String> missing = new ArrayList<>();
        List<String> tried = new ArrayList<>();
        for (String line : Files.readAllLines(root.resolve("server/docs/threat-model.md"))) {
            if (!line.startsWith("| ") || line.startsWith("| attack |")) {
                continue;
            }
            Matcher m = NAMED.matcher(line.strip());
            if (!m.find()
                    || !Pattern.compile(
                                    "@(?:Test|ParameterizedTest)\\b[^;{}]*?(?:\\{[^;]*?}[^;{}]*?)?\\bvoid " + m.group(2)
                                            + "\\(",
                                    Pattern.DOTALL)
                            .matcher(tests.getOrDefault(m.group(1), ""))
                            .find()) {
                missing.add(line);
            } else {
                tried.add(m.group(1) + "." + m.group(2));
            }
        }
        assertThat(missing).isEmpty();
        assertThat(tried).as("what was promised to be tried").containsAll(PROMISED);
    }
}
