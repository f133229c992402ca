package dev.loupe.cluster.spark;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ContainerStateWaiting;
import io.fabric8.kubernetes.api.model.ContainerStatus;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodCondition;
import io.fabric8.kubernetes.api.model.authorization.v1.SelfSubjectAccessReview;
import io.fabric8.kubernetes.api.model.authorization.v1.SelfSubjectAccessReviewBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.net.HttpURLConnection;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.apache.spark.SparkConf;
import org.apache.spark.deploy.k8s.SparkKubernetesClientFactory;

/**
 * What Kubernetes itself says, by the client that Spark brings for it: before any work whether the account may do what Spark
 * will do, while executors are waited for why their pods do not start, and at the end what is left of them. Spark repeats what
 * is refused for ever, and tells its log only.
 */
final class Pods implements AutoCloseable {
    private static final String MASTER = "k8s://";
    private static final String NAMESPACE = "spark.kubernetes.namespace";
    private static final String APPLICATION = "spark-app-selector";
    private static final String ROLE = "spark-role";

    /** Where the settings of a driver beside the command have their credentials. */
    private static final String ACCOUNT = "spark.kubernetes.authenticate";

    /** What is no reason, but the usual beginning of a pod. */
    private static final Set<String> BEGINNING = Set.of("ContainerCreating", "PodInitializing");

    /** The client's own settings, read when it is made: a question that is not answered is not asked again. */
    private static final List<String> PATIENCE = List.of(
            "kubernetes.request.retry.backoffLimit=0",
            "kubernetes.connection.timeout=5000",
            "kubernetes.request.timeout=10000");

    private final KubernetesClient client;
    private final String address;
    private final String namespace;
    private final boolean keeps;

    private Pods(KubernetesClient client, String address, String namespace, boolean keeps) {
        this.client = client;
        this.address = address;
        this.namespace = namespace;
        this.keeps = keeps;
    }

    /**
     * Asks whether Spark can work there.
     *
     * @throws IllegalStateException in a whole sentence, if not
     */
    static Pods open(SparkConf conf) {
        if (conf.get("spark.kubernetes.executor.container.image", conf.get("spark.kubernetes.container.image", ""))
                .isBlank()) {
            throw new IllegalStateException("Kubernetes needs the image of executors: name one that has Spark "
                    + org.apache.spark.package$.MODULE$.SPARK_VERSION()
                    + " and a JDK 25 with --conf spark.kubernetes.container.image=IMAGE; nothing was begun.");
        }
        String address = conf.get("spark.master").substring(MASTER.length());
        String namespace = conf.get(NAMESPACE, "default");
        Pods pods = new Pods(
                client(address, namespace, conf),
                address,
                namespace,
                !conf.getBoolean("spark.kubernetes.executor.deleteOnTermination", true));
        try {
            pods.check(conf);
            return pods;
        } catch (KubernetesClientException e) {
            pods.close();
            throw new IllegalStateException(pods.refusal(e), e);
        } catch (IllegalStateException e) {
            pods.close();
            throw e;
        }
    }

    private static KubernetesClient client(String address, String namespace, SparkConf conf) {
        List<String> ours = new ArrayList<>();
        for (String setting : PATIENCE) {
            String[] part = setting.split("=");
            if (System.getProperty(part[0]) == null) {
                System.setProperty(part[0], part[1]);
                ours.add(part[0]);
            }
        }
        try {
            return SparkKubernetesClientFactory.createKubernetesClient(
                    address,
                    scala.Option.apply(namespace),
                    ACCOUNT,
                    SparkKubernetesClientFactory.ClientType$.MODULE$.Driver(),
                    conf,
                    scala.Option.empty());
        } finally {
            ours.forEach(System::clearProperty); // Spark's own client has its own patience
        }
    }

    private void check(SparkConf conf) {
        List<String> rights =
                new ArrayList<>(List.of("create pods", "get pods", "list pods", "watch pods", "delete pods"));
        if (!conf.getBoolean("spark.kubernetes.executor.disableConfigMap", false)) {
            rights.addAll(List.of("create configmaps", "list configmaps", "delete configmaps"));
        }
        List<String> missing = new ArrayList<>();
        for (String right : rights) {
            if (!may(right.split(" ")[0], right.split(" ")[1])) {
                missing.add(right);
            }
        }
        if (!missing.isEmpty()) {
            throw new IllegalStateException("The account may not " + String.join(", ", missing) + " in the namespace "
                    + namespace + " of Kubernetes at " + address + ": give it a role that may (kubectl -n " + namespace
                    + " create rolebinding loupe --clusterrole=edit --serviceaccount=" + namespace
                    + ":ACCOUNT), or name another namespace with --conf " + NAMESPACE + "=NAME; nothing was begun.");
        }
        if (!exists()) {
            throw new IllegalStateException("Kubernetes at " + address + " has no namespace " + namespace
                    + ": name one with --conf " + NAMESPACE + "=NAME; nothing was begun.");
        }
    }

    private boolean may(String verb, String resource) {
        SelfSubjectAccessReview review = new SelfSubjectAccessReviewBuilder()
                .withNewSpec()
                .withNewResourceAttributes()
                .withNamespace(namespace)
                .withVerb(verb)
                .withResource(resource)
                .endResourceAttributes()
                .endSpec()
                .build();
        try {
            SelfSubjectAccessReview answer = client.resource(review).create();
            return answer.getStatus() == null
                    || !Boolean.FALSE.equals(answer.getStatus().getAllowed());
        } catch (KubernetesClientException e) {
            if (e.getCode() == HttpURLConnection.HTTP_NOT_FOUND) {
                return true; // who cannot be asked is believed
            }
            throw e;
        }
    }

    private boolean exists() {
        try {
            return client.namespaces().withName(namespace).get() != null;
        } catch (KubernetesClientException e) {
            if (e.getCode() == HttpURLConnection.HTTP_FORBIDDEN) {
                return true; // accounts of one namespace may often not look at it
            }
            throw e;
        }
    }

    private String refusal(KubernetesClientException e) {
        String at = "Kubernetes at " + address;
        String credentials = "use a kubeconfig that may (KUBECONFIG, kubectl auth whoami), or give --conf " + ACCOUNT
                + ".oauthToken=TOKEN; nothing was begun.";
        switch (e.getCode()) {
            case HttpURLConnection.HTTP_UNAUTHORIZED:
                return at + " does not know this account (401 Unauthorized): " + credentials;
            case HttpURLConnection.HTTP_FORBIDDEN:
                return at + " refuses this account (403 Forbidden): " + credentials;
            case 0:
            case -1:
                return "No Kubernetes API server answers at " + address + " (" + reason(e)
                        + "): start it, or correct --on; nothing was begun.";
            default:
                return at + " cannot be used (" + e.getCode() + " " + reason(e) + "); nothing was begun.";
        }
    }

    private static String reason(Throwable e) {
        String text = SparkDriver.reason(e)
                .lines()
                .findFirst()
                .orElse("no reason given")
                .strip();
        return text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
    }

    /** Why pods of an application do not start; empty if none waits, or nothing is known. */
    String waiting(String application) {
        try {
            for (Pod pod : client.pods()
                    .inNamespace(namespace)
                    .withLabel(APPLICATION, application)
                    .list()
                    .getItems()) {
                String why = pod.getStatus() == null
                                || !"Pending".equals(pod.getStatus().getPhase())
                        ? ""
                        : why(pod);
                if (!why.isEmpty()) {
                    return why;
                }
            }
            return "";
        } catch (KubernetesClientException e) {
            return reason(e);
        }
    }

    private static String why(Pod pod) {
        for (ContainerStatus status : pod.getStatus().getContainerStatuses()) {
            ContainerStateWaiting waiting =
                    status.getState() == null ? null : status.getState().getWaiting();
            if (waiting != null && waiting.getReason() != null && !BEGINNING.contains(waiting.getReason())) {
                return sentence(waiting.getReason(), waiting.getMessage());
            }
        }
        for (PodCondition condition : pod.getStatus().getConditions()) {
            if ("PodScheduled".equals(condition.getType()) && "False".equals(condition.getStatus())) {
                return sentence(condition.getReason(), condition.getMessage());
            }
        }
        return "";
    }

    private static String sentence(String reason, String message) {
        String text = message == null || message.isBlank() ? reason : reason + ": " + message.strip();
        return text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
    }

    /** Deletes what is left of an application: Spark does so itself, unless it is ended before it has quite begun. */
    void clear(String application) {
        if (keeps) {
            return;
        }
        try {
            List<Pod> pods;
            do {
                pods = client.pods()
                        .inNamespace(namespace)
                        .withLabel(APPLICATION, application)
                        .withLabel(ROLE, "executor")
                        .list()
                        .getItems();
                pods.removeIf(p -> p.getMetadata().getDeletionTimestamp() != null);
                pods.forEach(this::delete);
            } while (!pods.isEmpty()); // Spark may be making some just now
            List<ConfigMap> maps = client.configMaps()
                    .inNamespace(namespace)
                    .withLabel(APPLICATION, application)
                    .withLabel(ROLE, "executor")
                    .list()
                    .getItems();
            maps.forEach(this::delete);
        } catch (KubernetesClientException e) {
            System.err.println("Pods could not be deleted: kubectl -n " + namespace + " delete pods,configmaps -l "
                    + APPLICATION + "=" + application + " (" + reason(e) + ")");
        }
    }

    private void delete(HasMetadata object) {
        client.resource(object).inNamespace(namespace).delete();
    }

    @Override
    public void close() {
        client.close();
    }
}
