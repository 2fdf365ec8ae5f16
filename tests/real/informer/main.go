// A client-go informer as a black box: WatchList against a served site, what it sees on standard output.
//
//	informer KUBECONFIG NAMESPACE
//
// Prints `synced N watchlist=BOOL` once its cache is filled, then a line for each change of a ConfigMap, until it has
// seen the deletion of one called `end`. Exit status 1 when that takes longer than a minute.
package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const patience = time.Minute

// spy counts the requests that ask for a streamed list, and the lists that are no stream.
type spy struct {
	next             http.RoundTripper
	streamed, listed atomic.Int32
}

func (s *spy) RoundTrip(request *http.Request) (*http.Response, error) {
	switch query := request.URL.RawQuery; {
	case strings.Contains(query, "sendInitialEvents=true"):
		s.streamed.Add(1)
	case request.Method == http.MethodGet && !strings.Contains(query, "watch="):
		s.listed.Add(1)
	}
	return s.next.RoundTrip(request)
}

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(kubeconfig, namespace string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	seen := &spy{}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		seen.next = next
		return seen
	})
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	informer := factory.Core().V1().ConfigMaps().Informer()
	ended := make(chan struct{})
	if err := follow(informer, ended); err != nil {
		return err
	}
	stop := make(chan struct{})
	defer close(stop)
	factory.Start(stop)
	factory.WaitForCacheSync(stop)
	fmt.Printf("synced %d watchlist=%t listed=%d\n", len(informer.GetStore().List()), seen.streamed.Load() > 0, seen.listed.Load())
	select {
	case <-ended:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("no ConfigMap called end was deleted within %s", patience)
	}
}

func follow(informer cache.SharedIndexInformer, ended chan<- struct{}) error {
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(obj any, initial bool) {
			if !initial {
				tell("added", obj)
			}
		},
		UpdateFunc: func(_, obj any) { tell("updated", obj) },
		DeleteFunc: func(obj any) {
			if tell("deleted", obj) == "end" {
				close(ended)
			}
		},
	})
	return err
}

func tell(what string, obj any) string {
	if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = gone.Obj
	}
	found := obj.(*corev1.ConfigMap)
	fmt.Println(what, found.Name, found.Data["a"])
	return found.Name
}
