package dev.loupe.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.loupe.base.LoupeException;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Templates that want classes or files, that never end, or that fill memory: anybody may send one, or publish a model with it. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class TemplateAttackTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private static String render(String template) {
        return new ChatTemplate(template)
                .render(List.of(new ChatMessage("user", "hello")), "<s>", "</s>", Map.of(), true);
    }

    /** Each either says nothing or is refused in a sentence; none gives a class, a file or an environment variable. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ messages.getClass() }}",
                "{{ messages.class.classLoader }}",
                "{{ ''.getClass().forName('java.lang.Runtime').getRuntime().exec('id') }}",
                "{{ ''['class'] }}",
                "{{ ''.__class__.__mro__[1].__subclasses__() }}",
                "{{ ____int3rpr3t3r____ }}",
                "{{ ____int3rpr3t3r____.getConfig() }}",
                "{{ ____int3rpr3t3r____.context }}",
                "{{ ____int3rpr3t3r____['config'] }}",
                "{% include '/etc/passwd' %}",
                "{% include 'logback.xml' %}",
                "{% import '/etc/passwd' as p %}{{ p }}",
                "{% from '/etc/passwd' import x %}{{ x }}",
                "{% extends 'logback.xml' %}",
                "{{ 'x'|render }}",
                "{{ messages|attr('class') }}",
                "{{ messages[0]|attr('getClass') }}",
                "{{ range.__globals__ }}",
                "{{ raise_exception.__globals__['os'].environ }}",
                "{{ strftime_now.class }}",
                "{{ '{\"a\": 1}'|fromjson }}",
                "{{ '!!javax.script.ScriptEngineManager []'|fromyaml }}",
                "{{ messages|log }}"
            })
    void noTemplateReachesClassesFilesOrTheEngineItself(String template) {
        String text;
        try {
            text = render(template);
        } catch (LoupeException e) {
            text = e.getMessage();
            assertThat(text).hasSizeLessThan(2000);
        }
        assertThat(text).doesNotContain("java.lang.", "com.hubspot", "class java", "root:", "<configuration", "PATH=");
    }

    /** Loops in loops in loops: ended by the clock, whether or not they write anything. */
    @ParameterizedTest
    @ValueSource(strings = {"{{ '' }}", "{% set x = 1 %}", "{% if false %}a{% endif %}"})
    void loopsThatNeverEndAreEnded(String inside) {
        String template = "{% for a in range(1000) %}".repeat(5) + inside + "{% endfor %}".repeat(5);
        assertThatThrownBy(() -> render(template)).isInstanceOf(LoupeException.class); // before this class times out
    }

    /** Each would make gigabytes. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}"
                        + "{{ ns.x }}",
                "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}"
                        + "{{ ns.x }}",
                "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(20) %}"
                        + "{% set ns.x = ns.x.replace('a', 'aaaaaaaaaa') %}{% endfor %}{{ ns.x }}",
                "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(20) %}"
                        + "{% set ns.x = ns.x|replace('a', 'aaaaaaaaaa') %}{% endfor %}{{ ns.x }}",
                "{% set ns = namespace(x=[1,2]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}"
                        + "{{ ns.x }}",
                "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(60) %}"
                        + "{% set ns.x = [ns.x, ns.x, ns.x]|join(ns.x) %}{% endfor %}{{ ns.x }}",
                "{{ 'a'|center(1000000000) }}",
                "{{ '%1000000000d'|format(1) }}",
                "{{ 'a'|indent(1000000000) }}",
                "{{ messages|tojson(indent=1000000000) }}",
                "{{ 'a' * 1000000000 }}",
                "{{ range(1000000000)|list }}",
                "{{ range(0, 1000000000) }}"
            })
    void textsAndListsThatFillMemoryAreCutShort(String template) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        try {
            assertThat(render(template)).hasSizeLessThan(10_000_001);
        } catch (LoupeException e) {
            assertThat(e.getMessage()).hasSizeLessThan(2000);
        }
        assertThat(THREADS.getCurrentThreadAllocatedBytes() - before).isLessThan(1_000_000_000L);
    }

    @Test
    void templatesThatAreNestedTooDeeplyOrTooLongAreRefused() {
        for (String template : List.of(
                "{{ " + "(".repeat(12) + "1" + ")".repeat(12) + " }}",
                "{{ " + "[".repeat(12) + "1" + "]".repeat(12) + " }}",
                "{{ " + "(1, ".repeat(12) + "1" + ")".repeat(12) + " }}",
                "{{ " + "f(".repeat(12) + "1" + ")".repeat(12) + " }}",
                "{{ " + "(".repeat(40) + "1" + ")".repeat(40) + " }}",
                "{{ " + "(".repeat(50_000) + "1" + ")".repeat(50_000) + " }}",
                "{{ " + "not ".repeat(40_000) + "1 }}",
                "{{ " + "[".repeat(60_000) + " }}",
                "{{ '" + "a".repeat(150_000) + "' }}",
                "{{ '" + "\\n".repeat(70_000) + "' }}",
                "{{ " + "'a' ~ ".repeat(25_000) + "'' }}",
                "{% if true %}".repeat(10_000) + "x" + "{% endif %}".repeat(10_000),
                "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
                "a".repeat(200_001))) {
            try {
                assertThat(render(template)).hasSizeLessThan(10_000_001);
            } catch (LoupeException e) {
                assertThat(e.getMessage()).hasSizeLessThan(2000);
            }
        }
    }
}
