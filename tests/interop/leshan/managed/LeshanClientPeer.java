// SPDX-License-Identifier: Apache-2.0
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

import org.eclipse.californium.scandium.config.DtlsConfig;
import org.eclipse.leshan.client.LeshanClient;
import org.eclipse.leshan.client.LeshanClientBuilder;
import org.eclipse.leshan.client.engine.DefaultRegistrationEngineFactory;
import org.eclipse.leshan.client.object.Security;
import org.eclipse.leshan.client.object.Server;
import org.eclipse.leshan.client.observer.LwM2mClientObserverAdapter;
import org.eclipse.leshan.client.resource.BaseInstanceEnabler;
import org.eclipse.leshan.client.resource.ObjectsInitializer;
import org.eclipse.leshan.client.servers.LwM2mServer;
import org.eclipse.leshan.core.LwM2mId;
import org.eclipse.leshan.core.ResponseCode;
import org.eclipse.leshan.core.model.ObjectModel;
import org.eclipse.leshan.core.model.ResourceModel.Type;
import org.eclipse.leshan.core.request.BootstrapRequest;
import org.eclipse.leshan.core.request.DeregisterRequest;
import org.eclipse.leshan.core.request.RegisterRequest;
import org.eclipse.leshan.core.request.UpdateRequest;
import org.eclipse.leshan.core.request.argument.Arguments;
import org.eclipse.leshan.core.response.ExecuteResponse;
import org.eclipse.leshan.core.response.ReadResponse;
import org.eclipse.leshan.core.util.datatype.ULong;
import org.eclipse.leshan.transport.californium.client.endpoint.CaliforniumClientEndpointsProvider;
import org.eclipse.leshan.transport.californium.client.endpoint.coap.CoapClientProtocolProvider;
import org.eclipse.leshan.transport.californium.client.endpoint.coaps.CoapsClientProtocolProvider;

/**
 * Leshan's client, factory-fresh: it has a bootstrap account and nothing else.
 *
 * <p>Arguments: ENDPOINT BOOTSTRAP-URI and one of
 *
 * <pre>
 * psk IDENTITY HEXKEY
 * rpk PUBLIC-KEY PRIVATE-KEY SERVER-PUBLIC-KEY                 DER files
 * x509 CERTIFICATE PRIVATE-KEY SERVER-CERTIFICATE USAGE        DER files, and /0/x/15
 * nosec
 * </pre>
 *
 * <p>Commands: battery PERCENT (sets /3/0/9), update, stop (de-registers). After a failure it comes again in two
 * seconds. It offers to use Connection IDs and wants none itself; with the property {@code peer.cid} = off it offers
 * none, and makes a new handshake for each update.
 */
public final class LeshanClientPeer {
    private LeshanClientPeer() {
    }

    public static void main(String[] arguments) throws Exception {
        var device = new Device();
        var objects = new ObjectsInitializer();
        objects.setInstancesForObject(LwM2mId.SECURITY, account(arguments));
        objects.setClassForObject(LwM2mId.SERVER, Server.class);
        objects.setInstancesForObject(LwM2mId.DEVICE, device);
        objects.setDummyInstancesForObject(LwM2mId.ACCESS_CONTROL);

        var endpoints = new CaliforniumClientEndpointsProvider.Builder(new CoapClientProtocolProvider(),
                new CoapsClientProtocolProvider());
        var configuration = endpoints.createDefaultConfiguration();
        boolean withCid = !"off".equals(System.getProperty("peer.cid"));
        configuration.set(DtlsConfig.DTLS_CONNECTION_ID_LENGTH, withCid ? 0 : -1);
        LeshanClient client = new LeshanClientBuilder(arguments[0]).setObjects(objects.createAll())
                .setRegistrationEngineFactory(new DefaultRegistrationEngineFactory().setRetryWaitingTimeInMs(2_000)
                        .setReconnectOnUpdate(!withCid))
                .setEndpointsProviders(endpoints.setConfiguration(configuration).build()).build();
        client.addObserver(new Observer());
        client.start();
        Console.event("ready");
        Console.serve(words -> {
            switch (words[0]) {
            case "battery":
                device.setBattery(Long.parseLong(words[1]));
                return "OK";
            case "update":
                client.triggerRegistrationUpdate();
                return "OK";
            case "stop":
                client.stop(true);
                return "OK";
            default:
                return "ERROR no command " + words[0];
            }
        });
        System.exit(0);
    }

    private static Security account(String[] words) throws Exception {
        switch (words[2]) {
        case "psk":
            return Security.pskBootstrap(words[1], words[3].getBytes(StandardCharsets.UTF_8), Console.hex(words[4]));
        case "rpk":
            return Security.rpkBootstrap(words[1], Keys.bytes(words[3]), Keys.bytes(words[4]), Keys.bytes(words[5]));
        case "x509":
            return Security.x509Bootstrap(words[1], Keys.bytes(words[3]), Keys.bytes(words[4]), Keys.bytes(words[5]),
                    ULong.valueOf(words[6]));
        case "nosec":
            return Security.noSecBootstrap(words[1]);
        default:
            throw new IllegalArgumentException("no mode " + words[2]);
        }
    }

    /** The Device object (/3): what a management server reads first. */
    public static final class Device extends BaseInstanceEnabler {
        private volatile long battery = 87;

        void setBattery(long percent) {
            battery = percent;
            fireResourceChange(9);
        }

        @Override
        public ReadResponse read(LwM2mServer server, int resource) {
            switch (resource) {
            case 0:
                return ReadResponse.success(resource, "Eclipse Leshan");
            case 1:
                return ReadResponse.success(resource, "interop peer");
            case 9:
                return ReadResponse.success(resource, battery);
            case 11:
                return ReadResponse.success(resource, Map.of(0, 0L), Type.INTEGER);
            case 16:
                return ReadResponse.success(resource, "U");
            default:
                return super.read(server, resource);
            }
        }

        @Override
        public ExecuteResponse execute(LwM2mServer server, int resource, Arguments arguments) {
            Console.event("executed /3/0/%d", resource);
            return ExecuteResponse.success();
        }

        @Override
        public List<Integer> getAvailableResourceIds(ObjectModel model) {
            return List.of(0, 1, 4, 9, 11, 16);
        }
    }

    private static final class Observer extends LwM2mClientObserverAdapter {
        @Override
        public void onBootstrapSuccess(LwM2mServer server, BootstrapRequest request) {
            Console.event("bootstrapped by %s", server.getUri());
        }

        @Override
        public void onBootstrapFailure(LwM2mServer server, BootstrapRequest request, ResponseCode code, String reason,
                Exception cause) {
            Console.event("bootstrap-failed %s %s %s", code, reason, cause);
        }

        @Override
        public void onBootstrapTimeout(LwM2mServer server, BootstrapRequest request) {
            Console.event("bootstrap-failed timeout");
        }

        @Override
        public void onRegistrationSuccess(LwM2mServer server, RegisterRequest request, String registration) {
            Console.event("registered at %s ssid=%d", server.getUri(), server.getId());
        }

        @Override
        public void onRegistrationFailure(LwM2mServer server, RegisterRequest request, ResponseCode code,
                String reason, Exception cause) {
            Console.event("registration-failed %s %s %s", code, reason, cause);
        }

        @Override
        public void onRegistrationTimeout(LwM2mServer server, RegisterRequest request) {
            Console.event("registration-failed timeout");
        }

        @Override
        public void onUpdateSuccess(LwM2mServer server, UpdateRequest request) {
            Console.event("updated at %s", server.getUri());
        }

        @Override
        public void onDeregistrationSuccess(LwM2mServer server, DeregisterRequest request) {
            Console.event("deregistered at %s", server.getUri());
        }

        @Override
        public void onUnexpectedError(Throwable failure) {
            Console.event("failed %s", failure);
        }
    }
}
