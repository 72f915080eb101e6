"""Will this flight arrive more than 15 minutes late? One pipeline of six plain steps.

``flightdelay.steps`` holds the steps, ``flightdelay.pipelines`` wires them: in plain Python, ZenML,
Airflow and Kubeflow. Outside ``pipelines`` nothing here imports an orchestrator.
"""
