package dev.loupe.e2e;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The plan of the house as rules over its compiled classes: who may know whom. */
class ArchitectureTest {
    /** Modules from the ground up, each with its packages; a module may use those before it and itself. */
    static final List<List<String>> MODULES = List.of(
            List.of("base", "math", "kernel", "tensor", "model", "chat", "corpus", "store", "capture"),
            List.of(
                    "sae",
                    "engine",
                    "train",
                    "eval",
                    "feature",
                    "compare",
                    "patch",
                    "graph",
                    "steer",
                    "inspect",
                    "map",
                    "diagnose"),
            List.of("cluster", "service", "http", "client", "cli"),
            List.of("ui"));

    private static final JavaClasses PRODUCT = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .withImportOption(location -> !location.contains("/fixtures/") && !location.contains("loupe-fixtures"))
            .importPackages("dev.loupe");

    @Test
    void every_package_belongs_to_a_module_of_the_plan() {
        List<String> planned = MODULES.stream().flatMap(List::stream).toList();
        assertThat(PRODUCT.stream()
                        .map(type -> type.getPackageName()
                                .replaceFirst("dev\\.loupe\\.?", "")
                                .split("\\.")[0])
                        .collect(Collectors.toSet()))
                .isNotEmpty()
                .allSatisfy(room -> assertThat(planned).contains(room));
    }

    @Test
    void no_module_knows_a_higher_one() {
        for (int i = 0; i < MODULES.size() - 1; i++) {
            List<String> above = new ArrayList<>();
            MODULES.subList(i + 1, MODULES.size()).forEach(above::addAll);
            noClasses()
                    .that()
                    .resideInAnyPackage(packages(MODULES.get(i)))
                    .should()
                    .dependOnClassesThat(resideInAnyPackage(packages(above)))
                    .because("imports point from ui to server to sae-train to activations-store, never back")
                    .allowEmptyShould(true)
                    .check(PRODUCT);
        }
    }

    @Test
    void base_knows_no_other_room() {
        List<String> others = new ArrayList<>();
        MODULES.forEach(others::addAll);
        others.remove("base");
        noClasses()
                .that()
                .resideInAPackage("dev.loupe.base..")
                .should()
                .dependOnClassesThat(resideInAnyPackage(packages(others)))
                .check(PRODUCT);
    }

    @Test
    void only_tensor_and_model_know_the_tensor_library() {
        noClasses()
                .that()
                .resideOutsideOfPackages("dev.loupe.tensor..", "dev.loupe.model..")
                .should()
                .dependOnClassesThat(resideInAnyPackage("ai.djl.."))
                .because("reading stores and training run with no DJL on the class path")
                .check(PRODUCT);
    }

    @Test
    void services_know_neither_http_nor_the_web_ui() {
        noClasses()
                .that()
                .resideInAPackage("dev.loupe.service..")
                .should()
                .dependOnClassesThat(resideInAnyPackage(
                        "io.javalin..",
                        "com.vaadin..",
                        "org.eclipse.jetty..",
                        "jakarta.servlet..",
                        "picocli..",
                        "dev.loupe.http..",
                        "dev.loupe.cli.."))
                .allowEmptyShould(true)
                .check(PRODUCT);
    }

    @Test
    void the_client_knows_the_jdk_and_jackson_only() {
        com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes()
                .that()
                .resideInAPackage("dev.loupe.client..")
                .should()
                .onlyDependOnClassesThat(resideInAnyPackage(
                        "dev.loupe.client..",
                        "java..",
                        "tools.jackson..",
                        "com.fasterxml.jackson.annotation..",
                        "org.jspecify.."))
                .because("programs take it along without the workbench")
                .check(PRODUCT);
    }

    /** Every package is a room of its own here, those inside others too. */
    @Test
    void no_two_packages_know_each_other() {
        com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices()
                .matching("dev.loupe.(**)")
                .should()
                .beFreeOfCycles()
                .because("a room that needs another can be read, tested and changed without a third")
                .check(PRODUCT);
    }

    @Test
    void one_package_knows_spark_and_it_knows_nothing_else() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.loupe.cluster.spark..")
                .should()
                .dependOnClassesThat(
                        resideInAnyPackage("org.apache.spark..", "org.apache.hadoop..", "scala..", "io.fabric8.."))
                .check(PRODUCT);
        com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes()
                .that()
                .resideInAPackage("dev.loupe.cluster.spark..")
                .should()
                .onlyDependOnClassesThat(resideInAnyPackage(
                        "dev.loupe.cluster.spark..",
                        "java..",
                        "com.sun.management..",
                        "org.apache.spark..",
                        "org.apache.hadoop..",
                        "scala..",
                        "io.fabric8.kubernetes..", // which Spark brings
                        "org.jspecify.."))
                .because("its classes travel to Spark alone")
                .check(PRODUCT);
    }

    @Test
    void only_the_command_line_prints() {
        noClasses()
                .that()
                .resideOutsideOfPackages("dev.loupe.cli..", "dev.loupe.cluster.spark..")
                .should()
                .accessField(System.class, "out")
                .orShould()
                .accessField(System.class, "err")
                .orShould()
                .callMethod(Throwable.class, "printStackTrace")
                .because("stdout carries results only, everything else goes through Progress or the log")
                .check(PRODUCT);
    }

    @Test
    void every_class_of_the_product_is_seen_by_these_rules() {
        assertThat(PRODUCT.stream().map(JavaClass::getPackageName))
                .contains("dev.loupe.base", "dev.loupe.train", "dev.loupe.http", "dev.loupe.ui");
    }

    private static String[] packages(List<String> rooms) {
        return rooms.stream().map(room -> "dev.loupe." + room + "..").toArray(String[]::new);
    }
}
