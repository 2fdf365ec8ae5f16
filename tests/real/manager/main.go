// A controller-runtime manager as a black box: a reconciler for a custom resource behind leader election.
//
//	manager KUBECONFIG NAMESPACE IDENTITY
//
// The resource is Copy.kit.example.com/v1: the reconciler keeps a ConfigMap of the same name with the text of its spec,
// owned by the Copy, and writes `status.copied`. Prints `leading` once it is elected, then `reconciled NAME TEXT`.
// Runs until SIGTERM.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

var copies = schema.GroupVersionKind{Group: "kit.example.com", Version: "v1", Kind: "Copy"}

type copier struct{ client.Client }

// Reconcile makes the ConfigMap say what the Copy says.
func (c *copier) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	wanted := newCopy()
	if err := c.Get(ctx, request.NamespacedName, wanted); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	text, _, _ := unstructured.NestedString(wanted.Object, "spec", "text")
	found := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: request.Namespace, Name: request.Name}}
	_, err := controllerutil.CreateOrUpdate(ctx, c, found, func() error {
		found.Data = map[string]string{"text": text}
		return controllerutil.SetControllerReference(wanted, found, c.Scheme())
	})
	if err != nil {
		return ctrl.Result{}, err
	}
	before := wanted.DeepCopy()
	if err := unstructured.SetNestedField(wanted.Object, text, "status", "copied"); err != nil {
		return ctrl.Result{}, err
	}
	if err := c.Status().Patch(ctx, wanted, client.MergeFrom(before)); err != nil {
		return ctrl.Result{}, err
	}
	fmt.Println("reconciled", request.Name, text)
	return ctrl.Result{}, nil
}

func newCopy() *unstructured.Unstructured {
	found := &unstructured.Unstructured{}
	found.SetGroupVersionKind(copies)
	return found
}

func main() {
	log.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(kubeconfig, namespace, identity string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	lease, renew, retry := 3*time.Second, 2*time.Second, 500*time.Millisecond
	found, err := ctrl.NewManager(config, ctrl.Options{
		LeaderElection:                true,
		LeaderElectionID:              "copier.kit.example.com",
		LeaderElectionNamespace:       namespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &lease,
		RenewDeadline:                 &renew,
		RetryPeriod:                   &retry,
		Cache:                         cache.Options{DefaultNamespaces: map[string]cache.Config{namespace: {}}},
		Metrics:                       server.Options{BindAddress: "0"},
	})
	if err != nil {
		return err
	}
	if err := found.Add(manager.RunnableFunc(func(ctx context.Context) error {
		fmt.Println("leading", identity)
		<-ctx.Done()
		return nil
	})); err != nil {
		return err
	}
	err = ctrl.NewControllerManagedBy(found).For(newCopy()).Owns(&corev1.ConfigMap{}).Complete(&copier{found.GetClient()})
	if err != nil {
		return err
	}
	return found.Start(ctrl.SetupSignalHandler())
}
