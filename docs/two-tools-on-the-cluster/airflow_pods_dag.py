"""Airflow starts the book's image as a Pod, one month after the other.

To try it, copy this file into the DAGs folder of an Airflow that has the provider cncf.kubernetes; README.md says
what else it needs. It lies here, outside of dags/, so that the book's own Airflow does not load it.
"""

import pendulum
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import CronDataIntervalTimetable, dag
from kubernetes.client import models as k8s

IMAGE = "pipelines-for-humans/python:0.1.0"
NAMESPACE = "airflow-pod"
CLAIM = "flight-delay-store"


@dag(
    schedule=CronDataIntervalTimetable("@monthly", timezone="UTC"),
    start_date=pendulum.datetime(2013, 2, 1),
    end_date=pendulum.datetime(2013, 12, 1),
    catchup=False,
    max_active_runs=1,  # a month needs the champion of the one before
)
def flight_delay_pods() -> None:
    """Judge the month of the data interval, all six steps in one Pod."""
    KubernetesPodOperator(
        task_id="judge",
        # Where the cluster is, the connection knows and not this file.
        kubernetes_conn_id="kubernetes_default",
        namespace=NAMESPACE,
        name="judge",
        image=IMAGE,
        image_pull_policy="IfNotPresent",
        arguments=["{{ data_interval_start.strftime('%Y-%m') }}", "--store", "/store"],
        container_resources=k8s.V1ResourceRequirements(
            requests={"cpu": "200m", "memory": "700Mi"}, limits={"memory": "1Gi"}
        ),
        # The store outlives the Pod; user 10001 of the image may write to it.
        volumes=[
            k8s.V1Volume(
                name="store",
                persistent_volume_claim=k8s.V1PersistentVolumeClaimVolumeSource(claim_name=CLAIM),
            )
        ],
        volume_mounts=[k8s.V1VolumeMount(name="store", mount_path="/store")],
        labels={"month": "{{ data_interval_start.strftime('%Y-%m') }}"},
        # The step only talks to its files, so it gets no token of the cluster.
        automount_service_account_token=False,
        get_logs=True,
        on_finish_action="delete_succeeded_pod",  # a failed one is evidence
        startup_timeout_seconds=300,
    )


flight_delay_pods()
